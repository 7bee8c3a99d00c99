"""Stored workflows that start by themselves."""

from __future__ import annotations

import json

import grpc
import pytest
from ai.stigmer.agentic.workflow.v1.io_pb2 import WorkflowId
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from stigmer_plugin_workflow_runner.activities.scheduled import Starting
from stigmer_plugin_workflow_runner.wiring import Wiring

from stigmer_core.api.v1 import resources_pb2 as documents
from stigmer_core.program import ActivityContext, ActivityError
from stigmer_core.testing.installation import installation

WORKFLOW_COMMAND = "ai.stigmer.agentic.workflow.v1.WorkflowCommandController"
EXECUTION_COMMAND = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController"
RESOURCES = "stigmer.core.v1.ResourceService"
ON_ORDER = {"on": {"one": {"with": {"type": "order"}}}}
HOURLY = {"every": "PT1H"}


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path / "home") as api:
        yield api


async def applied(api, name, task, **sections):
    """Store a workflow of one task and return its id."""
    document = {"document": {"dsl": "1.0.3", "namespace": "n", "name": name, "version": "1.0.0"}}
    document |= {"do": [{"t": task}], **sections}
    stored = await api.call(RESOURCES, "Apply", documents.ApplyRequest(json=json.dumps(document)))
    return stored.document.id


async def started_by(api, workflow_id, holds=lambda _run: True):
    """Return the first execution of a workflow, as JSON, of which something holds."""
    async for event in api.stream(RESOURCES, "Watch", documents.WatchRequest(kind="WorkflowExecution")):
        run = json.loads(event.document.json or "{}")
        if run.get("spec", {}).get("workflowId") == workflow_id and holds(run):
            return run
    raise AssertionError


def output_of(run):
    """Return the output of a run, nothing before it has ended."""
    return run.get("status", {}).get("output")


def kept(api, table):
    """Return the rows of one of the runner's tables."""
    return api.app.store.read(lambda reader: reader.execute(f"SELECT * FROM {table}"))


async def test_after_starts_at_once(api):
    """The execution says which schedule it is of."""
    workflow_id = await applied(api, "again", {"set": {"x": 1}}, schedule={"after": "PT1H"})

    run = await started_by(api, workflow_id, output_of)

    assert output_of(run) == {"x": 1}
    assert run["metadata"]["labels"] == {"workflow-schedule": workflow_id}


async def test_event_of_a_run_starts_another_workflow(api):
    """Its input is what was consumed."""
    listening = await applied(api, "listening", {"set": {"got": "${ . }"}}, schedule=ON_ORDER)
    sender = await applied(api, "sender", {"emit": {"event": {"with": {"type": "order", "data": {"n": 7}}}}})
    asked = WorkflowExecution(api_version="agentic.stigmer.ai/v1", kind="WorkflowExecution")
    asked.metadata.org, asked.spec.workflow_id = "local", sender

    await api.call(EXECUTION_COMMAND, "create", asked)

    assert output_of(await started_by(api, listening, output_of)) == {"got": [{"n": 7}]}


async def test_schedule_that_has_not_changed_goes_on(api):
    """Another version of the workflow does not begin its interval anew; another schedule does."""
    workflow_id = await applied(api, "job", {"set": {"x": 1}}, schedule=HOURLY)
    await applied(api, "job", {"set": {"x": 2}}, schedule=HOURLY)
    first = kept(api, "workflow_schedule")

    await applied(api, "job", {"set": {"x": 2}}, schedule=ON_ORDER)

    assert first == [(workflow_id, 1, json.dumps(HOURLY))]
    assert kept(api, "workflow_schedule") == [(workflow_id, 2, json.dumps(ON_ORDER))]
    assert kept(api, "workflow_listener") == [("local", "order", f"{workflow_id}@2")]


@pytest.mark.parametrize("how", ["without", "deleted"])
async def test_schedule_ends_with_what_has_it(api, how):
    """With the section of the document, or with the workflow."""
    workflow_id = await applied(api, "job", {"set": {"x": 1}}, schedule=ON_ORDER)

    if how == "deleted":
        await api.call(WORKFLOW_COMMAND, "delete", WorkflowId(value=workflow_id))
    else:
        await applied(api, "job", {"set": {"x": 1}})

    assert kept(api, "workflow_listener") == []
    assert [row[2] for row in kept(api, "workflow_schedule")] == ([""] if how == "without" else [])


async def test_start_that_is_repeated_starts_one_run(api):
    """An activity may be called again after a crash."""
    workflow_id = await applied(api, "job", {"set": {"x": 1}}, schedule=HOURLY)
    start = api.app.host.runners["workflow-schedule"].activities["start"]
    context = ActivityContext(f"{workflow_id}@1", "/start/1@0", 1)

    first = await start({"step": 1, "input": None}, context)

    assert await start({"step": 1, "input": None}, context) == first
    assert (await start({"step": 2, "input": None}, context)) != first


async def test_schedule_of_before_starts_nothing(api):
    """What it had asked for when it was replaced is not done any more."""
    workflow_id = await applied(api, "job", {"set": {"x": 1}}, schedule=HOURLY)
    start = api.app.host.runners["workflow-schedule"].activities["start"]

    answer = await start({"step": 1, "input": None}, ActivityContext(f"{workflow_id}@0", "/start/1@0", 1))

    assert answer == {"execution": ""}


async def test_end_of_an_execution_is_seen(api):
    """One that is gone has ended too."""
    workflow_id = await applied(api, "again", {"set": {"x": 1}}, schedule={"after": "PT1H"})
    run = await started_by(api, workflow_id, output_of)
    ended = api.app.host.runners["workflow-schedule"].activities["ended"]
    context = ActivityContext(f"{workflow_id}@1", "/ended/1", 1)

    known = await ended({"execution": run["metadata"]["id"]}, context)
    gone = await ended({"execution": "wex_gone"}, context)

    assert known == {"has_ended": True, "at": run["status"]["completedAt"]}
    assert gone == {"has_ended": True, "at": ""}


async def test_schedule_needs_something_that_starts_it(tmp_path):
    """A workflow whose schedule nobody would keep is not stored."""
    async with installation(tmp_path, plugins=("workflow", "workflow-runner", "tenancy")) as api:
        with pytest.raises(grpc.aio.AioRpcError, match="no engine is installed") as caught:
            await applied(api, "job", {"set": {"x": 1}}, schedule=HOURLY)

    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION


async def test_start_before_the_server_is_ready_is_tried_again():
    """The activity may run before the services are put together."""
    unconnected = Starting(Wiring())

    with pytest.raises(ActivityError) as caught:
        await unconnected.start({"step": 1, "input": None}, ActivityContext("wfl@1", "/start/1@0", 1))

    assert caught.value.failure.retryable
