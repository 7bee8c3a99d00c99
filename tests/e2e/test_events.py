"""Events between runs: who gets them, who does not, and who is forgotten."""

from __future__ import annotations

import json

import pytest
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.workflowexecution.v1 import io_pb2
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from google.protobuf import json_format, struct_pb2
from stigmer_plugin_workflow_runner.activities.events import drop_ended

from stigmer_core.api.v1 import resources_pb2 as documents
from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController"
QUERY = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController"
RESOURCES = "stigmer.core.v1.ResourceService"
ENDED = (pb.EXECUTION_COMPLETED, pb.EXECUTION_FAILED, pb.EXECUTION_CANCELLED)
NAP = {"wait": {"seconds": 1}}
LISTEN = {"listen": {"to": {"one": {"with": {"type": "order", "data": {"n": 2}}}}}}


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path / "home") as api:
        yield api


def emit(number):
    """Return a task that emits an order."""
    return {"emit": {"event": {"with": {"type": "order", "data": {"n": number}}}}}


async def started(api, name, *tasks):
    """Store a workflow and start it."""
    document = {"document": {"dsl": "1.0.3", "namespace": "n", "name": name, "version": "1.0.0"}}
    document["do"] = [{f"t{index}": task} for index, task in enumerate(tasks)]
    workflow = await api.call(RESOURCES, "Apply", documents.ApplyRequest(json=json.dumps(document)))
    asked = WorkflowExecution(api_version="agentic.stigmer.ai/v1", kind="WorkflowExecution")
    asked.metadata.org, asked.spec.workflow_id = "local", workflow.document.id
    return await api.call(COMMAND, "create", asked)


async def until(api, run, holds):
    """Return the first frame of a run of which something holds."""
    request = io_pb2.SubscribeWorkflowExecutionRequest(execution_id=run.metadata.id)
    async for frame in api.stream(QUERY, "subscribe", request):
        if holds(frame.status):
            return frame
    raise AssertionError


async def ended(api, run):
    """Return a run's output once it has ended."""
    frame = await until(api, run, lambda status: status.phase in ENDED)
    return json_format.MessageToDict(frame.status.output)


async def listening(api, name, *tasks):
    """Start a run and return it once its first task listens."""
    run = await started(api, name, *tasks)
    await until(api, run, lambda status: bool(status.tasks))
    return run


def listeners(api):
    """Return the ids of the runs that listen."""
    sql = "SELECT run_id FROM workflow_listener ORDER BY run_id"
    return [run_id for (run_id,) in api.app.store.read(lambda reader: reader.execute(sql))]


async def test_event_reaches_every_run_that_listens_to_it(api):
    """And leaves alone those that listen to another."""
    first = await listening(api, "first", LISTEN)
    second = await listening(api, "second", {"listen": {"to": {"any": []}}})
    third = await listening(api, "third", {"listen": {"to": {"one": {"with": {"type": "other"}}}}})

    await ended(api, await started(api, "sender", emit(1), emit(2)))

    assert await ended(api, first) == {"$value": [{"n": 2}]}
    assert await ended(api, second) == {"$value": [{"n": 1}]}
    waiting = await api.call(QUERY, "get", io_pb2.WorkflowExecutionId(value=third.metadata.id))
    assert waiting.status.phase == pb.EXECUTION_IN_PROGRESS


async def test_run_listens_over_a_restart(tmp_path):
    """Who listens is written down."""
    async with installation(tmp_path / "home") as api:
        run = await listening(api, "first", LISTEN)
    async with installation(tmp_path / "home") as api:
        await ended(api, await started(api, "sender", emit(2)))

        assert await ended(api, run) == {"$value": [{"n": 2}]}


async def test_run_that_has_ended_is_forgotten_by_the_next_event(api):
    """Delivery finds out."""
    run = await listening(api, "first", LISTEN)
    await ended(api, await started(api, "sender", emit(2)))
    await ended(api, run)

    await ended(api, await started(api, "sender", emit(3)))

    assert not listeners(api)


async def test_runs_that_have_ended_are_forgotten_without_an_event(api):
    """Those that still listen are not."""
    over, running = await listening(api, "first", LISTEN), await listening(api, "second", LISTEN)
    await api.call(COMMAND, "cancel", io_pb2.CancelWorkflowExecutionInput(id=over.metadata.id))

    await drop_ended(api.app.resources)

    assert listeners(api) == [running.metadata.id]


async def test_signal_from_outside_is_an_event(api):
    """Of the signal's name, with its payload."""
    run = await listening(api, "first", {"listen": {"to": {"one": {"with": {"type": "go"}}}, "read": "envelope"}})
    payload = struct_pb2.Struct()
    payload["x"] = "y"

    request = io_pb2.SendSignalInput(execution_id=run.metadata.id, signal_name="go", payload=payload)
    await api.call(COMMAND, "sendSignal", request)

    (event,) = (await ended(api, run))["$value"]
    assert (event["type"], event["source"], event["data"]) == ("go", "/signal", {"x": "y"})


async def test_run_may_listen_to_what_happens_to_others(api):
    """A lifecycle event reaches those that listen to its very type, in the transaction that stores what happened."""
    wanted = "io.serverlessworkflow.task.faulted.v1"
    run = await listening(api, "watcher", {"listen": {"to": {"one": {"with": {"type": wanted}}}}})
    everything = await listening(api, "all", {"listen": {"to": {"any": []}}})
    error = {"type": "https://x.example/e", "status": 418, "title": "teapot"}

    failing = await started(api, "failing", {"raise": {"error": error}})

    ((event,),) = (await ended(api, run)).values()
    assert event == {
        "workflow": f"{failing.metadata.id}.n",
        "task": "/do/0/t0",
        "faultedAt": event["faultedAt"],
        "error": {**error, "instance": "/do/0/t0"},
    }
    untold = await api.call(QUERY, "get", io_pb2.WorkflowExecutionId(value=everything.metadata.id))
    assert untold.status.phase == pb.EXECUTION_IN_PROGRESS


async def test_hold_and_resumption_are_told(api):
    """As changes of the run's status."""
    wanted = {"type": "io.serverlessworkflow.workflow.status-changed.v1"}
    any_of = {"any": [{"with": wanted}], "until": 'any(.[]; .status == "completed")'}
    run = await listening(api, "watcher", {"listen": {"to": any_of}, "output": {"as": "map(.status)"}})
    held = await started(api, "held", NAP)

    await api.call(COMMAND, "pause", io_pb2.PauseWorkflowExecutionInput(id=held.metadata.id))
    await api.call(COMMAND, "resume", io_pb2.ResumeWorkflowExecutionInput(id=held.metadata.id))

    assert await ended(api, run) == {"$value": ["running", "suspended", "running", "completed"]}
