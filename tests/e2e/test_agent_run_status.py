"""Runs of agents through the API: what runners report, what people decide, and how runs end."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.agentexecution.v1 import io_pb2
from ai.stigmer.agentic.session.v1.io_pb2 import SessionId
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceId

from stigmer_core.testing.distributions import write_distribution
from stigmer_core.testing.installation import installation

sys.path.append(str(Path(__file__).parent))
from agent_runs import (
    COMMAND,
    QUERY,
    RUNNER,
    SESSION_COMMAND,
    TERMINAL,
    approve,
    call,
    code_of,
    report,
    said,
    signals,
    started,
    stored,
    waiting,
)


@pytest.fixture
async def api(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(write_distribution(tmp_path, "fake-agent", RUNNER))
    async with installation(tmp_path / "home") as api:
        yield api


async def test_the_transcript_only_grows(api):
    """A report with fewer messages, or without a tool call that was there, changes nothing of it."""
    run = await started(api)
    await report(api, run, phase=pb.EXECUTION_IN_PROGRESS, messages=[said(call("c1", pb.TOOL_CALL_RUNNING)), said()])

    await report(api, run, messages=[said(call("c1", pb.TOOL_CALL_COMPLETED))])
    await report(api, run, messages=[said(), said(), said()])
    late = await stored(api, run)
    await report(api, run, messages=[said(call("c1", pb.TOOL_CALL_COMPLETED)), said(), said(text="done")])
    grown = await stored(api, run)

    assert [len(late.status.messages), late.status.messages[0].tool_calls[0].status] == [2, pb.TOOL_CALL_RUNNING]
    assert grown.status.messages[2].content == "done"
    assert grown.status.messages[0].tool_calls[0].status == pb.TOOL_CALL_COMPLETED


async def test_a_report_replaces_what_it_has(api):
    """What it leaves out stays; todos are merged by id."""
    run = await started(api)
    todos = {"1": {"id": "1", "content": "a"}}
    await report(api, run, phase=pb.EXECUTION_IN_PROGRESS, todos=todos, streaming_usage={"input_tokens": 5})
    await report(api, run, setup_progress={"current_phase": "x"}, todos={"2": {"id": "2", "content": "b"}})

    status = (await stored(api, run)).status

    assert (status.phase, status.streaming_usage.input_tokens) == (pb.EXECUTION_IN_PROGRESS, 5)
    assert sorted(status.todos) == ["1", "2"]
    assert status.started_at


@pytest.mark.parametrize("phase", TERMINAL)
async def test_nothing_follows_the_end(api, phase):
    """A late report changes neither phase nor error; a stream of an ended run ends after one frame."""
    run = await started(api)
    await report(api, run, phase=phase, error="as it was")

    await report(api, run, phase=pb.EXECUTION_IN_PROGRESS, error="late")

    frames = [f async for f in api.stream(QUERY, "subscribe", io_pb2.AgentExecutionId(value=run.metadata.id))]
    assert [(f.status.phase, f.status.error) for f in frames] == [(phase, "as it was")]
    assert frames[0].status.completed_at


async def test_concurrent_reports_lose_nothing(api):
    """Each is a read-modify-write in one transaction."""
    run = await started(api)
    todos = [{str(number): {"id": str(number), "content": "x"}} for number in range(50)]

    await asyncio.gather(*(report(api, run, todos=todo) for todo in todos))

    assert len((await stored(api, run)).status.todos) == 50


async def test_tool_calls_that_wait_are_pending_approvals(api):
    """Computed by the server, with the sub-agent that asks; the ledger has each request once."""
    run = await started(api)
    sub_agent = {"id": "s1", "name": "coder", "status": pb.SUB_AGENT_IN_PROGRESS, "messages": [said(call("c2"))]}
    for _ in range(2):
        await report(
            api,
            run,
            phase=pb.EXECUTION_WAITING_FOR_APPROVAL,
            messages=[said(call("c1"))],
            sub_agent_executions=[sub_agent],
            pending_approvals=[{"tool_call_id": "forged"}],
        )

    status = (await stored(api, run)).status

    pending = [(one.tool_call_id, one.from_sub_agent, one.sub_agent_name) for one in status.pending_approvals]
    assert pending == [("c1", False, ""), ("c2", True, "coder")]
    events = [(event.event_type, event.approval_request_id) for event in status.approval_event_stream.events]
    assert events == [(pb.APPROVAL_EVENT_TYPE_REQUESTED, "c1"), (pb.APPROVAL_EVENT_TYPE_REQUESTED, "c2")]


async def test_the_run_goes_on_once_nothing_waits(api):
    """Not before the last decision; the decision survives the runner's next report."""
    run = await waiting(api, "c1", "c2")

    first = await approve(api, run, "c1")
    second = await approve(api, run, "c2", pb.APPROVAL_ACTION_REJECT)
    await report(api, run, messages=[said(call("c1"), call("c2"))])
    told = await signals(api, run, "decided")

    status = (await stored(api, run)).status
    assert first.status.phase == pb.EXECUTION_WAITING_FOR_APPROVAL
    assert second.status.phase == pb.EXECUTION_IN_PROGRESS
    assert told == "start 0, decided"
    calls = status.messages[0].tool_calls
    assert [one.approval_action for one in calls] == [pb.APPROVAL_ACTION_APPROVE, pb.APPROVAL_ACTION_REJECT]
    assert all(one.approved_by == "local" and one.approval_decided_at for one in calls)


async def test_a_decision_is_made_once(api):
    """The same again is a no-op, another one FAILED_PRECONDITION, an unknown call INVALID_ARGUMENT."""
    run = await waiting(api, "c1", "c2")
    first = await approve(api, run, "c1")

    again = await approve(api, run, "c1")

    assert again.status.approval_event_stream == first.status.approval_event_stream
    assert await code_of(approve(api, run, "c1", pb.APPROVAL_ACTION_SKIP)) == "FAILED_PRECONDITION"
    assert await code_of(approve(api, run, "c9")) == "INVALID_ARGUMENT"


async def test_approve_all_leases_the_class_of_the_tool(api):
    """Later calls of it are granted without asking; others still ask."""
    run = await waiting(api, "c1")
    await approve(api, run, "c1", pb.APPROVAL_ACTION_APPROVE_ALL)

    other = call("c3", tool_kind=pb.TOOL_KIND_FILE_WRITE)
    await report(api, run, messages=[said(call("c1"), call("c2"), other)])

    status = (await stored(api, run)).status
    assert [one.tool_call_id for one in status.pending_approvals] == ["c3"]
    assert status.messages[0].tool_calls[1].approval_action == pb.APPROVAL_ACTION_APPROVE


@pytest.mark.parametrize("phase", [pb.EXECUTION_PENDING, pb.EXECUTION_PAUSED, *TERMINAL])
async def test_only_a_run_that_waits_is_decided_about(api, phase):
    """FAILED_PRECONDITION in any other phase."""
    run = await started(api)
    if phase == pb.EXECUTION_PAUSED:
        await api.call(COMMAND, "pause", io_pb2.PauseAgentExecutionInput(id=run.metadata.id))
    elif phase != pb.EXECUTION_PENDING:
        await report(api, run, phase=phase)

    assert await code_of(approve(api, run, "c1")) == "FAILED_PRECONDITION"


async def busy(api):
    """Return a run with a call in flight, one that is done, and a sub-agent that asks."""
    run = await started(api)
    sub_agent = {"id": "s1", "status": pb.SUB_AGENT_IN_PROGRESS, "messages": [said(call("c3"))]}
    messages = [said(call("c1", pb.TOOL_CALL_RUNNING), call("c2", pb.TOOL_CALL_COMPLETED))]
    await report(api, run, phase=pb.EXECUTION_IN_PROGRESS, messages=messages, sub_agent_executions=[sub_agent])
    return run


async def test_stopping_settles_everything(api):
    """Calls, sub-agents and approvals are closed, and the transcript says who did it."""
    run = await busy(api)

    ended = await api.call(
        COMMAND, "terminate", io_pb2.TerminateAgentExecutionInput(id=run.metadata.id, reason="enough")
    )

    status = ended.status
    assert (status.phase, status.error) == (pb.EXECUTION_TERMINATED, "Terminated: enough")
    calls = [one.status for one in status.messages[0].tool_calls]
    assert calls == [pb.TOOL_CALL_INTERRUPTED, pb.TOOL_CALL_COMPLETED]
    assert status.sub_agent_executions[0].status == pb.SUB_AGENT_CANCELLED
    assert not status.pending_approvals
    notice = status.messages[-1]
    assert (notice.type, notice.content) == (pb.MESSAGE_SYSTEM, "Execution terminated: enough")


async def test_a_runner_is_told_that_its_run_was_stopped(api):
    """By the answer to its next report; stopping twice is once."""
    run = await busy(api)
    request = io_pb2.CancelAgentExecutionInput(id=run.metadata.id)
    ended = await api.call(COMMAND, "cancel", request)

    again = await api.call(COMMAND, "cancel", request)
    answer = await report(api, run, phase=pb.EXECUTION_IN_PROGRESS)

    assert again == ended
    assert answer.signal == pb.EXECUTION_CONTROL_SIGNAL_STOP


async def test_a_pause_holds_against_late_reports(api):
    """STOP is the answer; resume tells the run, and it goes on; both twice are once."""
    run = await started(api)
    await report(api, run, phase=pb.EXECUTION_IN_PROGRESS)
    pause, resume = (
        io_pb2.PauseAgentExecutionInput(id=run.metadata.id),
        io_pb2.ResumeAgentExecutionInput(id=run.metadata.id),
    )

    await api.call(COMMAND, "pause", pause)
    await api.call(COMMAND, "pause", pause)
    answer = await report(api, run, phase=pb.EXECUTION_IN_PROGRESS)
    held = await stored(api, run)
    await api.call(COMMAND, "resume", resume)
    resumed = await api.call(COMMAND, "resume", resume)

    assert (held.status.phase, answer.signal) == (pb.EXECUTION_PAUSED, pb.EXECUTION_CONTROL_SIGNAL_STOP)
    assert resumed.status.phase == pb.EXECUTION_IN_PROGRESS
    assert await signals(api, run, "resume") == "start 0, pause, resume"


async def test_a_failed_run_is_recovered_and_no_other(api):
    """It starts again as a new run of the engine; a completed one is FAILED_PRECONDITION."""
    run = await started(api)
    await report(api, run, phase=pb.EXECUTION_FAILED, error="boom")
    request = io_pb2.RecoverAgentExecutionInput(id=run.metadata.id)

    recovered = await api.call(COMMAND, "recover", request)
    await api.call(COMMAND, "pause", io_pb2.PauseAgentExecutionInput(id=run.metadata.id))
    told = await signals(api, run, "pause")
    await report(api, run, phase=pb.EXECUTION_COMPLETED)

    assert (recovered.status.phase, recovered.status.error) == (pb.EXECUTION_PENDING, "")
    assert told == "start 1, pause"
    assert await code_of(api.call(COMMAND, "recover", request)) == "FAILED_PRECONDITION"


@pytest.mark.parametrize(
    ("rpc", "message"),
    [
        ("cancel", io_pb2.CancelAgentExecutionInput),
        ("terminate", io_pb2.TerminateAgentExecutionInput),
        ("pause", io_pb2.PauseAgentExecutionInput),
        ("resume", io_pb2.ResumeAgentExecutionInput),
        ("recover", io_pb2.RecoverAgentExecutionInput),
    ],
)
async def test_a_run_that_is_not_there_or_is_over_is_not_told_anything(api, rpc, message):
    """NOT_FOUND, and FAILED_PRECONDITION once it has completed."""
    run = await started(api)
    await report(api, run, phase=pb.EXECUTION_COMPLETED)

    assert await code_of(api.call(COMMAND, rpc, message(id="aex_none"))) == "NOT_FOUND"
    assert await code_of(api.call(COMMAND, rpc, message(id=run.metadata.id))) == "FAILED_PRECONDITION"


async def test_a_run_that_acts_is_not_deleted(api):
    """Neither by itself nor with its session; ended, both go."""
    run = await started(api)
    other = await started(api, session_id=run.spec.session_id)
    session_id = SessionId(value=run.spec.session_id)
    await report(api, other, phase=pb.EXECUTION_COMPLETED)

    assert await code_of(api.call(COMMAND, "delete", ApiResourceId(value=run.metadata.id))) == "FAILED_PRECONDITION"
    assert await code_of(api.call(SESSION_COMMAND, "delete", session_id)) == "FAILED_PRECONDITION"
    assert (await stored(api, other)).metadata.id == other.metadata.id
    await report(api, run, phase=pb.EXECUTION_FAILED)
    await api.call(SESSION_COMMAND, "delete", session_id)
    assert await code_of(stored(api, run)) == "NOT_FOUND"
    assert await code_of(stored(api, other)) == "NOT_FOUND"
