"""Kinds of task that involve others, over the API: people, agents, other runs; with an agent runner that is a fake."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as agent_pb
from ai.stigmer.agentic.agentexecution.v1 import io_pb2 as agent_io
from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflow.v1.enum_pb2 import WorkflowTaskKind
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.workflowexecution.v1 import event_pb2, io_pb2
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from google.protobuf import json_format

from stigmer_core.testing.distributions import write_distribution
from stigmer_core.testing.installation import installation

sys.path.append(str(Path(__file__).parent))
import agent_runs

WORKFLOW = "ai.stigmer.agentic.workflow.v1.WorkflowCommandController"
COMMAND = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController"
QUERY = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController"
AGENT_CALL = ("agent_call", {"agent": "helper", "message": "Look at ${ .url }"})
ASK = ("human_input", {"prompt": "Sure?", "outcomes": [{"name": "approve"}, {"name": "deny", "then": "end"}]})
NOTE = ("set_vars", {"variables": {"after": "yes"}})


@pytest.fixture
async def api(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(write_distribution(tmp_path, "fake-agent", agent_runs.RUNNER))
    async with installation(tmp_path / "home", network_allow=("127.0.0.1",)) as api:
        await agent_runs.agent(api)
        yield api


async def stored(api, *tasks, name="job", **spec):
    """Store a workflow of typed tasks, `(kind, configuration)`."""
    made = Workflow(api_version="agentic.stigmer.ai/v1", kind="Workflow")
    made.metadata.name, made.metadata.org = name, "local"
    header = made.spec.document
    header.dsl, header.namespace, header.name, header.version = "1.0.0", "n", name, "1.0.0"
    for index, (kind, config, *_) in enumerate(tasks):
        task = made.spec.tasks.add(name=f"t{index}", kind=WorkflowTaskKind.Value(kind))
        json_format.ParseDict(config, task.task_config)
    json_format.ParseDict(spec, made.spec)
    return await api.call(WORKFLOW, "create", made)


async def started(api, *tasks, message="", **spec):
    workflow = await stored(api, *tasks, **spec)
    asked = WorkflowExecution(api_version="agentic.stigmer.ai/v1", kind="WorkflowExecution")
    asked.metadata.org, asked.spec.workflow_id = "local", workflow.metadata.id
    asked.spec.trigger_message = message
    return await api.call(COMMAND, "create", asked)


async def until(api, run, wanted):
    """Return the first frame of a run that is as wanted."""
    request = io_pb2.SubscribeWorkflowExecutionRequest(execution_id=run.metadata.id)
    async for frame in api.stream(QUERY, "subscribe", request):
        if wanted(frame):
            return frame
    raise AssertionError(frame)


async def ended(api, run):
    return await until(api, run, lambda frame: frame.status.completed_at)


async def agents_run(api, run):
    """Return the run of the agent that a workflow has started: its log says which."""
    request = io_pb2.SubscribeEventsRequest(execution_id=run.metadata.id)
    async for event in api.stream(QUERY, "subscribeEvents", request):
        if event.event_type == event_pb2.agent_call_started:
            child = event.agent_call_started.child_execution_id
            return await api.call(agent_runs.QUERY, "get", agent_io.AgentExecutionId(value=child))
    raise AssertionError((await ended(api, run)).status.error)


def is_waiting(frame):
    return any(task.status == pb.WORKFLOW_TASK_WAITING_APPROVAL for task in frame.status.tasks)


async def answer(api, run, outcome, **more):
    request = io_pb2.SubmitWorkflowTaskApprovalInput(execution_id=run.metadata.id, task_name="t0", outcome=outcome)
    json_format.ParseDict(more, request)
    return await api.call(COMMAND, "submitWorkflowTaskApproval", request)


async def events(api, run):
    log = await api.call(QUERY, "getEventLog", io_pb2.GetEventLogRequest(execution_id=run.metadata.id))
    return {event_pb2.WorkflowEventType.Name(event.event_type): event for event in log.events}


async def test_a_person_is_asked_and_the_run_goes_on(api):
    """The question is listed and logged; the answer is the task's output."""
    run = await started(api, ASK, NOTE)
    await until(api, run, is_waiting)
    pending = await api.call(QUERY, "listPendingApprovals", io_pb2.ListPendingApprovalsRequest(org="local"))

    await answer(api, run, "approve", comment="fine")
    done = await ended(api, run)

    assert [entry.task_name for entry in pending.entries] == ["t0"]
    assert (dict(done.status.output), done.status.tasks[0].output["comment"]) == ({"after": "yes"}, "fine")
    log = await events(api, run)
    assert [one.name for one in log["approval_requested"].approval_requested.outcomes] == ["approve", "deny"]


async def test_an_answer_goes_where_it_says(api):
    """Here to the end."""
    run = await started(api, ASK, NOTE)
    await until(api, run, is_waiting)
    await answer(api, run, "deny")

    done = await ended(api, run)

    assert done.status.output["outcome"] == "deny"
    assert len(done.status.tasks) == 1


async def test_an_answer_that_is_not_offered_is_refused(api):
    """INVALID_ARGUMENT for another outcome and a wrong form, and the task goes on waiting."""
    form = {"type": "object", "required": ["why"]}
    run = await started(api, ("human_input", {"prompt": "Sure?", "form_schema": form}))
    await until(api, run, is_waiting)

    assert await agent_runs.code_of(answer(api, run, "perhaps")) == "INVALID_ARGUMENT"
    assert await agent_runs.code_of(answer(api, run, "approve")) == "INVALID_ARGUMENT"
    await answer(api, run, "approve", formData={"why": "so"})
    assert (await ended(api, run)).status.output["formData"]["why"] == "so"


async def test_somebody_who_is_not_asked_is_refused(api):
    """PERMISSION_DENIED: the task names who may answer."""
    run = await started(api, ("human_input", {"prompt": "Sure?", "approvers": ["ann"]}))
    await until(api, run, is_waiting)

    assert await agent_runs.code_of(answer(api, run, "approve", reviewer="ann")) == "PERMISSION_DENIED"


async def test_an_agent_is_run_and_its_answer_is_the_output(api):
    """With what it was told, where it belongs, and what it cost."""
    run = await started(api, AGENT_CALL, message='{"url": "x"}')
    child = await agents_run(api, run)
    usage = {"input_tokens": 3, "output_tokens": 2, "estimated_cost_usd": 0.5}
    said = [agent_runs.said(text="first"), agent_runs.said(text="fine")]
    await agent_runs.report(api, child, phase=agent_pb.EXECUTION_COMPLETED, messages=said, streaming_usage=usage)

    done = await ended(api, run)

    assert (child.spec.message, child.spec.parent_workflow_id) == ("Look at x", run.metadata.id)
    assert done.status.output["$value"] == "fine"
    assert (done.status.total_cost_micros, done.status.total_input_tokens) == (500_000, 3)
    assert {"agent_call_started", "agent_call_completed"} <= set(await events(api, run))


async def test_what_an_agent_waits_for_is_decided_in_the_workflow(api):
    """The tool call is listed in the workflow's run as long as it waits, and the decision is passed on."""
    run = await started(api, AGENT_CALL, message='{"url": "x"}')
    child = await agents_run(api, run)
    said = [agent_runs.said(agent_runs.call("c1"))]
    await agent_runs.report(api, child, phase=agent_pb.EXECUTION_WAITING_FOR_APPROVAL, messages=said)
    await until(api, run, lambda frame: frame.status.pending_approvals)

    request = io_pb2.SubmitWorkflowApprovalInput(execution_id=run.metadata.id, tool_call_id="c1", action=1)
    await api.call(COMMAND, "submitApproval", request)
    told = await agent_runs.signals(api, child, "decided")
    await agent_runs.report(api, child, phase=agent_pb.EXECUTION_COMPLETED)

    assert told == "start 0, decided"
    assert not (await ended(api, run)).status.pending_approvals


async def test_an_agent_that_fails_fails_the_task(api):
    """With its error."""
    run = await started(api, AGENT_CALL, message='{"url": "x"}')
    child = await agents_run(api, run)
    await agent_runs.report(api, child, phase=agent_pb.EXECUTION_FAILED, error="no model")

    done = await ended(api, run)

    assert done.status.phase == pb.EXECUTION_FAILED
    assert "ended in EXECUTION_FAILED: no model" in done.status.error


async def test_a_cancelled_workflow_cancels_its_agent(api):
    """The agent does not go on for nobody."""
    run = await started(api, AGENT_CALL, message='{"url": "x"}')
    child = await agents_run(api, run)
    await api.call(COMMAND, "cancel", io_pb2.CancelWorkflowExecutionInput(id=run.metadata.id))

    stream = api.stream(agent_runs.QUERY, "subscribe", agent_io.AgentExecutionId(value=child.metadata.id))
    phases = [frame.status.phase async for frame in stream]

    assert phases[-1] == agent_pb.EXECUTION_CANCELLED


async def test_an_agent_is_not_run_twice_over_a_restart(tmp_path, monkeypatch):
    """The server stops while the agent runs; the workflow goes on with the same run, which was not cancelled."""
    monkeypatch.syspath_prepend(write_distribution(tmp_path, "fake-agent", agent_runs.RUNNER))
    async with installation(tmp_path / "home") as api:
        await agent_runs.agent(api)
        run = await started(api, AGENT_CALL, message='{"url": "x"}')
        child = await agents_run(api, run)
    async with installation(tmp_path / "home") as api:
        said = [agent_runs.said(text="fine")]
        await agent_runs.report(api, child, phase=agent_pb.EXECUTION_COMPLETED, messages=said)
        done = await ended(api, run)
        runs = await api.call(agent_runs.QUERY, "list", agent_io.ListAgentExecutionsRequest())

    assert (done.status.output["$value"], len(runs.entries)) == ("fine", 1)


async def test_without_an_agent_runner_the_task_says_so(tmp_path):
    """A configuration error that names the plugin to install; so does an agent that is not there."""
    async with installation(tmp_path / "home") as api:
        missing = await ended(api, await started(api, AGENT_CALL, message='{"url": "x"}'))
        await agent_runs.agent(api)
        refused = await ended(api, await started(api, AGENT_CALL, message='{"url": "x"}', name="other"))

    assert "there is no agent 'helper'" in missing.status.error
    assert "Configuration Error (400)" in refused.status.error
    assert "pip install stigmer-plugin-agent-runner" in refused.status.error


async def test_a_budget_ends_the_run(api):
    """After the call that was too much."""
    run = await started(api, AGENT_CALL, NOTE, message='{"url": "x"}', budget={"maxTotalTokens": 4})
    child = await agents_run(api, run)
    usage = {"input_tokens": 3, "output_tokens": 2}
    await agent_runs.report(api, child, phase=agent_pb.EXECUTION_COMPLETED, streaming_usage=usage)

    done = await ended(api, run)

    assert "the budget is exceeded" in done.status.error
    assert (await events(api, run))["budget_checkpoint"].budget_checkpoint.threshold_breached


async def test_an_event_is_a_signal_to_another_run(api):
    """Which listens for it by its name."""
    listening = await started(api, ("listen", {"to": {"mode": "one", "signals": [{"id": "go", "type": "signal"}]}}))
    target = {"signal": {"execution_id": listening.metadata.id, "signal_name": "go"}}
    sending = await started(api, ("emit_event", {"event": {"type": "t", "data": {"n": 1}}, "delivery": [target]}),
                            name="sender")  # fmt: skip

    sent, got = await ended(api, sending), await ended(api, listening)

    assert sent.status.output["type"] == "t"
    assert json_format.MessageToDict(got.status.output)["$value"][0]["data"] == {"n": 1}


async def test_a_workflow_is_run_by_its_slug(api):
    """Its output is the task's; one that is not there faults."""
    await stored(api, ("set_vars", {"variables": {"got": "${ .n }"}}), name="inner")
    run = await started(api, ("run_workflow", {"workflow": "inner", "input": {"n": "x"}}))
    missing = await started(api, ("run_workflow", {"workflow": "nowhere"}), name="other")

    assert dict((await ended(api, run)).status.output) == {"got": "x"}
    assert "there is no workflow 'nowhere'" in (await ended(api, missing)).status.error


async def test_a_completed_task_is_undone_when_a_later_one_fails(api):
    """Because the handler asks for it."""
    undo = [{"name": "undo", "kind": "set_vars", "task_config": {"variables": {"undone": "${ .id }"}}}]
    tasks = [
        {"name": "book", "kind": "set_vars", "task_config": {"variables": {"id": "7"}}, "compensate": undo},
        {"name": "pay", "kind": "raise_error", "task_config": {"error": "No money"}},
    ]
    catch = {"compensate": True, "do": [{"name": "note", "kind": NOTE[0], "task_config": NOTE[1]}]}
    done = await ended(api, await started(api, ("try_catch", {"try": tasks, "catch": catch})))

    outputs = {task.task_name: dict(task.output) for task in done.status.tasks}
    assert (outputs["undo"], dict(done.status.output)) == ({"undone": "7"}, {"after": "yes"})


async def test_a_wrong_configuration_is_refused_when_it_is_written(api):
    """INVALID_ARGUMENT, also for one inside another."""
    inner = [{"name": "a", "kind": "human_input", "task_config": {"promt": "x"}}]

    for task in (("human_input", {}), ("for_each", {"each": "n", "in": ".x", "do": inner})):
        assert await agent_runs.code_of(stored(api, task)) == "INVALID_ARGUMENT"
