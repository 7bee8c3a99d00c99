"""Runs of agents through the API, with a runner that does what a test tells it: the resource side, whole."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.agentexecution.v1 import io_pb2
from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution
from ai.stigmer.agentic.agentinstance.v1.io_pb2 import AgentInstanceId
from ai.stigmer.agentic.environment.v1.api_pb2 import Environment
from ai.stigmer.agentic.executioncontext.v1.io_pb2 import ExecutionContextExecutionIdInput
from ai.stigmer.agentic.session.v1.io_pb2 import ListSessionsRequest, SessionId
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceId

from stigmer_core.resources import context_values
from stigmer_core.testing.distributions import write_distribution
from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.agentexecution.v1.AgentExecutionCommandController"
QUERY = "ai.stigmer.agentic.agentexecution.v1.AgentExecutionQueryController"
SESSION_COMMAND = "ai.stigmer.agentic.session.v1.SessionCommandController"
SESSION_QUERY = "ai.stigmer.agentic.session.v1.SessionQueryController"
CONTEXT_QUERY = "ai.stigmer.agentic.executioncontext.v1.ExecutionContextQueryController"
AGENT = "ai.stigmer.agentic.agent.v1.AgentCommandController"
CANARY = "canary-5a1c9e77"
RUNNER = '''
    """A runner that shows which signals it got, and does nothing else."""
    from stigmer_core import hookimpl
    from stigmer_core.program import CancelRequested, Fail, Failure, Publish, Runner, Signal, Step

    class Program:
        def start(self, input, now):
            return Step({"seen": [f"start {input.get('recovery', 0)}"]}, [])

        def advance(self, state, event):
            if isinstance(event, CancelRequested):
                return Step(state, [Fail(Failure("cancelled", "Cancelled"), cancelled=True)])
            seen = [*state["seen"], event.name] if isinstance(event, Signal) else state["seen"]
            status = {"status": {"setupProgress": {"currentPhase": ", ".join(seen)}}}
            return Step({"seen": seen}, [Publish(status)])

    @hookimpl
    def stigmer_runners():
        return [Runner("agent", Program())]
'''
TERMINAL = [pb.EXECUTION_COMPLETED, pb.EXECUTION_FAILED, pb.EXECUTION_CANCELLED, pb.EXECUTION_TERMINATED]


@pytest.fixture
async def api(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(write_distribution(tmp_path, "fake-agent", RUNNER))
    async with installation(tmp_path / "home") as api:
        yield api


def execution(message="hello", **spec):
    made = AgentExecution(api_version="agentic.stigmer.ai/v1", kind="AgentExecution")
    made.metadata.org, made.spec.message = "local", message
    for field, value in spec.items():
        setattr(made.spec, field, value)
    return made


async def agent(api, name="helper"):
    made = Agent(api_version="agentic.stigmer.ai/v1", kind="Agent")
    made.metadata.name, made.metadata.org, made.spec.instructions = name, "local", "be helpful at all times"
    return await api.call(AGENT, "create", made)


async def started(api, **spec):
    return await api.call(COMMAND, "create", execution(**spec))


async def report(api, run, **status):
    request = io_pb2.AgentExecutionUpdateStatusInput(execution_id=run.metadata.id)
    request.status.CopyFrom(type(run.status)(**status))
    return await api.call(COMMAND, "updateStatus", request)


async def stored(api, run):
    return await api.call(QUERY, "get", io_pb2.AgentExecutionId(value=run.metadata.id))


async def code_of(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code().name


def said(*calls, text="thinking", kind=pb.MESSAGE_AI):
    return {"type": kind, "content": text, "tool_calls": list(calls)}


def call(call_id, status=pb.TOOL_CALL_WAITING_APPROVAL, **fields):
    return {"id": call_id, "name": "shell", "status": status, "tool_kind": pb.TOOL_KIND_SHELL, **fields}


async def waiting(api, *call_ids, **spec):
    """Return a run whose tool calls wait for approval."""
    run = await started(api, **spec)
    messages = [said(*(call(call_id) for call_id in call_ids))]
    await report(api, run, phase=pb.EXECUTION_WAITING_FOR_APPROVAL, messages=messages)
    return run


async def approve(api, run, call_id, action=pb.APPROVAL_ACTION_APPROVE):
    request = io_pb2.SubmitApprovalInput(agent_execution_id=run.metadata.id, tool_call_id=call_id, action=action)
    return await api.call(COMMAND, "submitApproval", request)


async def signals(api, run, last):
    """Return what the run was told, once it has been told `last`."""
    stream = api.stream(QUERY, "subscribe", io_pb2.AgentExecutionId(value=run.metadata.id))
    async for frame in stream:
        if frame.status.setup_progress.current_phase.endswith(last):
            return frame.status.setup_progress.current_phase
    raise AssertionError


async def test_without_a_runner_nothing_is_written(tmp_path):
    """FAILED_PRECONDITION names the plugin to install; there is no run, no session, no context."""
    async with installation(tmp_path / "home") as api:
        with pytest.raises(grpc.aio.AioRpcError, match="pip install stigmer-plugin-agent-runner") as caught:
            await started(api)
        sessions = await api.call(SESSION_QUERY, "list", ListSessionsRequest())
        runs = await api.call(QUERY, "list", io_pb2.ListAgentExecutionsRequest())

    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert (len(sessions.entries), len(runs.entries)) == (0, 0)


async def test_a_run_without_an_agent_gets_a_session(api):
    """The built-in assistant: PENDING, in a new session of the caller's organization."""
    run = await started(api)

    session = await api.call(SESSION_QUERY, "get", SessionId(value=run.spec.session_id))
    assert run.status.phase == pb.EXECUTION_PENDING
    assert not run.spec.HasField("session_spec")
    assert (session.spec.subject, session.metadata.org, session.spec.agent_instance_id) == (
        "Auto-created session",
        "local",
        "",
    )


async def test_a_run_of_an_agent_uses_its_default_instance(api):
    """By agent, by a new session's instance, and by an existing session: the same agent."""
    made = await agent(api)
    first = await started(api, agent_id=made.metadata.id)
    asked = execution()
    asked.spec.session_spec.agent_instance_id = made.status.default_instance_id
    asked.spec.session_spec.subject = "mine"
    second = await api.call(COMMAND, "create", asked)
    third = await started(api, session_id=second.spec.session_id)

    session = await api.call(SESSION_QUERY, "get", SessionId(value=second.spec.session_id))
    assert {run.spec.agent_id for run in (first, second, third)} == {made.metadata.id}
    assert third.spec.session_id == second.spec.session_id
    assert session.spec.subject == "mine"
    assert first.metadata.name.startswith("helper-")


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"session_id": "ses_none"}, "NOT_FOUND"),
        ({"agent_id": "agt_none"}, "NOT_FOUND"),
        ({"message": ""}, "INVALID_ARGUMENT"),
    ],
)
async def test_what_cannot_start_leaves_nothing(api, spec, code):
    """Neither a run nor a session."""
    assert await code_of(started(api, **spec)) == code
    assert not (await api.call(SESSION_QUERY, "list", ListSessionsRequest())).entries


async def test_a_session_and_its_description_exclude_each_other(api):
    """And a new session has no state yet: INVALID_ARGUMENT both."""
    both = execution(session_id="ses_x")
    both.spec.session_spec.subject = "x"
    stateful = execution()
    stateful.spec.session_spec.harness_state_id = "h1"

    assert await code_of(api.call(COMMAND, "create", both)) == "INVALID_ARGUMENT"
    assert await code_of(api.call(COMMAND, "create", stateful)) == "INVALID_ARGUMENT"


async def test_variables_go_to_the_context_and_nowhere_else(api, tmp_path):
    """Merged from the environment and the call, redacted in every answer, readable for the runner."""
    env = Environment(api_version="agentic.stigmer.ai/v1", kind="Environment")
    env.metadata.name, env.metadata.org = "staging", "local"
    env.spec.data["TOKEN"].value, env.spec.data["TOKEN"].is_secret = "from-env", True
    env.spec.data["URL"].value = "https://x"
    await api.call("ai.stigmer.agentic.environment.v1.EnvironmentCommandController", "create", env)
    made = await agent(api)
    query = "ai.stigmer.agentic.agentinstance.v1.AgentInstanceQueryController"
    instance = await api.call(query, "get", _instance_id(made))
    instance.spec.environment_refs.add(org="local", kind=53, slug="staging")
    await api.call(query.replace("Query", "Command"), "update", instance)
    asked = execution(agent_id=made.metadata.id)
    asked.spec.runtime_env["TOKEN"].value, asked.spec.runtime_env["TOKEN"].is_secret = CANARY, True

    run = await api.call(COMMAND, "create", asked)

    request = ExecutionContextExecutionIdInput(execution_id=run.metadata.id)
    context = await api.call(CONTEXT_QUERY, "getByExecutionId", request)
    values = api.app.store.read(lambda reader: context_values(reader, api.app.resources, run.metadata.id))
    assert values == {"TOKEN": CANARY, "URL": "https://x"}
    assert CANARY not in str(run) + str(context)
    assert not run.spec.runtime_env
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert all(CANARY.encode() not in path.read_bytes() for path in files)


def _instance_id(made):
    return AgentInstanceId(value=made.status.default_instance_id)


@pytest.mark.parametrize("phase", [pb.EXECUTION_COMPLETED, pb.EXECUTION_CANCELLED])
async def test_a_context_goes_with_the_end_of_its_run(api, phase):
    """Its secrets are not kept longer than the run needs them."""
    asked = execution()
    asked.spec.runtime_env["TOKEN"].value = "x"
    run = await api.call(COMMAND, "create", asked)
    if phase == pb.EXECUTION_COMPLETED:
        await report(api, run, phase=phase)
    else:
        await api.call(COMMAND, "cancel", io_pb2.CancelAgentExecutionInput(id=run.metadata.id))

    request = ExecutionContextExecutionIdInput(execution_id=run.metadata.id)
    assert await code_of(api.call(CONTEXT_QUERY, "getByExecutionId", request)) == "NOT_FOUND"


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


async def test_stopping_settles_everything(api):
    """Calls, sub-agents and approvals are closed; the runner is told to stop; twice is once."""
    run = await started(api)
    sub_agent = {"id": "s1", "status": pb.SUB_AGENT_IN_PROGRESS, "messages": [said(call("c3"))]}
    messages = [said(call("c1", pb.TOOL_CALL_RUNNING), call("c2", pb.TOOL_CALL_COMPLETED))]
    await report(api, run, phase=pb.EXECUTION_IN_PROGRESS, messages=messages, sub_agent_executions=[sub_agent])
    request = io_pb2.TerminateAgentExecutionInput(id=run.metadata.id, reason="enough")

    ended = await api.call(COMMAND, "terminate", request)
    again = await api.call(COMMAND, "terminate", request)
    answer = await report(api, run, phase=pb.EXECUTION_IN_PROGRESS)

    status = ended.status
    assert (status.phase, status.error) == (pb.EXECUTION_TERMINATED, "Terminated: enough")
    assert [one.status for one in status.messages[0].tool_calls] == [
        pb.TOOL_CALL_INTERRUPTED,
        pb.TOOL_CALL_COMPLETED,
    ]
    assert status.sub_agent_executions[0].status == pb.SUB_AGENT_CANCELLED
    assert (status.messages[-1].type, status.messages[-1].content) == (
        pb.MESSAGE_SYSTEM,
        "Execution terminated: enough",
    )
    assert again == ended
    assert answer.signal == pb.EXECUTION_CONTROL_SIGNAL_STOP
    assert not status.pending_approvals


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


async def test_runs_are_listed_by_phase_tag_and_session(api):
    """True pages, newest first, with the phases as they are now."""
    runs = []
    for number in range(4):
        asked = execution()
        asked.metadata.tags.append("even" if number % 2 == 0 else "odd")
        runs.append(await api.call(COMMAND, "create", asked))
    await report(api, runs[0], phase=pb.EXECUTION_COMPLETED)
    await report(api, runs[2], phase=pb.EXECUTION_COMPLETED)

    request = io_pb2.ListAgentExecutionsRequest(phase=pb.EXECUTION_COMPLETED, tags=["even"], org="local", page_size=1)
    first = await api.call(QUERY, "list", request)
    request.page_token = first.next_page_token
    second = await api.call(QUERY, "list", request)
    by_session = io_pb2.ListAgentExecutionsBySessionRequest(session_id=runs[1].spec.session_id)

    assert [entry.metadata.id for page in (first, second) for entry in page.entries] == [
        runs[2].metadata.id,
        runs[0].metadata.id,
    ]
    assert (first.total_pages, second.next_page_token) == (2, "")
    assert [e.metadata.id for e in (await api.call(QUERY, "listBySession", by_session)).entries] == [
        runs[1].metadata.id
    ]


async def test_a_subscription_sees_every_end(api):
    """From the first frame to the terminal one, which is the last."""
    run = await started(api)
    stream = api.stream(QUERY, "subscribe", io_pb2.AgentExecutionId(value=run.metadata.id))
    first = await stream.read()
    await report(api, run, phase=pb.EXECUTION_IN_PROGRESS)
    await report(api, run, phase=pb.EXECUTION_COMPLETED)

    phases = [frame.status.phase async for frame in stream]

    assert first.status.phase == pb.EXECUTION_PENDING
    assert phases[-1] == pb.EXECUTION_COMPLETED
    assert pb.EXECUTION_COMPLETED not in phases[:-1]


async def test_an_attachment_comes_back(api):
    """Whole, cut, and not for a run that was not given it; what was not uploaded is refused."""
    upload = io_pb2.UploadAttachmentRequest(filename="notes.txt", content=b"0123456789", content_type="text/plain")
    key = (await api.call(COMMAND, "uploadAttachment", upload)).storage_key
    asked = execution()
    asked.spec.attachments.add(filename="notes.txt", storage_key=key)
    run, other = await api.call(COMMAND, "create", asked), await started(api)
    request = io_pb2.GetArtifactContentRequest(execution_id=run.metadata.id, storage_key=key, max_bytes=4)

    cut = await api.call(QUERY, "getArtifactContent", request)

    assert (cut.content, cut.total_size_bytes, cut.truncated, cut.content_type) == (b"0123", 10, True, "text/plain")
    request.execution_id = other.metadata.id
    assert await code_of(api.call(QUERY, "getArtifactContent", request)) == "NOT_FOUND"
    asked.spec.attachments[0].storage_key = "attachments/../../etc/passwd"
    assert await code_of(api.call(COMMAND, "create", asked)) == "FAILED_PRECONDITION"


async def test_an_attachment_goes_with_its_last_run(api):
    """Not with the first of two."""
    key = (
        await api.call(COMMAND, "uploadAttachment", io_pb2.UploadAttachmentRequest(filename="a", content=b"x"))
    ).storage_key
    asked = execution()
    asked.spec.attachments.add(filename="a", storage_key=key)
    runs = [await api.call(COMMAND, "create", asked) for _ in range(2)]
    left = []
    for run in runs:
        await report(api, run, phase=pb.EXECUTION_COMPLETED)
        await api.call(COMMAND, "delete", ApiResourceId(value=run.metadata.id))
        left.append(api.app.store.read(lambda reader: reader.execute("SELECT count(*) FROM attachment"))[0][0])

    assert left == [1, 0]


async def test_usage_adds_up(api):
    """By run, session, agent and organization."""
    made = await agent(api)
    first = await started(api, agent_id=made.metadata.id)
    second = await started(api, session_id=first.spec.session_id)
    usage = {"input_tokens": 100, "output_tokens": 10, "turn_count": 2, "estimated_cost_usd": 0.5, "model": "acme/one"}
    for run in (first, second):
        await report(api, run, phase=pb.EXECUTION_COMPLETED, streaming_usage=usage)
    day = first.status.audit.spec_audit.created_at.ToDatetime().date().isoformat()

    run = await api.call(
        QUERY, "getExecutionUsageReport", io_pb2.GetExecutionUsageReportInput(execution_id=first.metadata.id)
    )
    session = await api.call(
        QUERY, "getSessionUsageReport", io_pb2.GetSessionUsageReportInput(session_id=first.spec.session_id)
    )
    by_agent = await api.call(
        QUERY, "getAgentUsageReport", io_pb2.GetAgentUsageReportInput(agent_id=made.metadata.id, org_id="local")
    )
    org = await api.call(
        QUERY, "getOrgUsageReport", io_pb2.GetOrgUsageReportInput(org_id="local", from_date=day, to_date=day)
    )

    assert (run.aggregate.total_tokens, run.aggregate.billable_cost_micros) == (110, 500_000)
    assert (session.execution_count, session.total_usage.total_tokens) == (2, 220)
    assert (by_agent.agent_name, by_agent.total_executions, by_agent.total_sessions) == ("helper", 2, 1)
    assert (org.total_executions, org.total_billable_cost_micros, org.daily_costs[0].date) == (2, 1_000_000, day)
    assert [model.model for model in org.model_breakdown] == ["acme/one"]
    assert org.top_agents_by_cost[0].agent_name == "helper"


async def test_a_summary_counts_by_phase(api):
    """And names the agents that fail."""
    made = await agent(api)
    for phase in (pb.EXECUTION_FAILED, pb.EXECUTION_COMPLETED, pb.EXECUTION_IN_PROGRESS):
        await report(api, await started(api, agent_id=made.metadata.id), phase=phase)

    found = await api.call(QUERY, "getExecutionSummary", io_pb2.GetAgentExecutionSummaryRequest(org="local"))

    assert (found.active_count, dict(found.phase_counts)) == (1, {2: 1, 3: 1, 4: 1})
    assert [(rank.agent_slug, rank.failure_count) for rank in found.top_failing_agents] == [("helper", 1)]
