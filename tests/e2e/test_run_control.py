"""What a workflow's run is told while it goes on: on hold, again, signals, decisions; and what is said of many runs."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import grpc
import pytest
from ai.stigmer.agentic.environment.v1.api_pb2 import Environment
from ai.stigmer.agentic.executioncontext.v1.io_pb2 import ExecutionContextExecutionIdInput
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.workflowexecution.v1 import event_pb2, io_pb2
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from ai.stigmer.agentic.workflowinstance.v1.io_pb2 import WorkflowInstanceId
from google.protobuf import json_format

from stigmer_core.api.v1 import resources_pb2 as documents
from stigmer_core.resources import context_values
from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController"
QUERY = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController"
INSTANCE = "ai.stigmer.agentic.workflowinstance.v1.WorkflowInstance"
CONTEXT_QUERY = "ai.stigmer.agentic.executioncontext.v1.ExecutionContextQueryController"
RESOURCES = "stigmer.core.v1.ResourceService"
TERMINAL = [pb.EXECUTION_COMPLETED, pb.EXECUTION_FAILED, pb.EXECUTION_CANCELLED, pb.EXECUTION_TERMINATED]
NAP = {"wait": {"seconds": 600}}
CANARY = "canary-77ab01c2"


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path / "home", network_allow=("127.0.0.1",)) as api:
        yield api


async def applied(api, *tasks, name="job"):
    """Store a workflow of DSL tasks and return its document."""
    document = {"document": {"dsl": "1.0.3", "namespace": "n", "name": name, "version": "1.0.0"}}
    document["do"] = [{f"t{index}": task} for index, task in enumerate(tasks)]
    return (await api.call(RESOURCES, "Apply", documents.ApplyRequest(json=json.dumps(document)))).document


async def started(api, *tasks, **env):
    workflow = await applied(api, *tasks)
    asked = WorkflowExecution(api_version="agentic.stigmer.ai/v1", kind="WorkflowExecution")
    asked.metadata.org, asked.spec.workflow_id = "local", workflow.id
    for name, value in env.items():
        asked.spec.runtime_env[name].value, asked.spec.runtime_env[name].is_secret = value, True
    return await api.call(COMMAND, "create", asked)


async def stored(api, run):
    return await api.call(QUERY, "get", io_pb2.WorkflowExecutionId(value=run.metadata.id))


async def until(api, run, *phases):
    """Return the first frame of a run in one of the phases."""
    request = io_pb2.SubscribeWorkflowExecutionRequest(execution_id=run.metadata.id)
    async for frame in api.stream(QUERY, "subscribe", request):
        if frame.status.phase in phases:
            return frame
    raise AssertionError


async def report(api, run, **status):
    request = io_pb2.WorkflowExecutionUpdateStatusInput(execution_id=run.metadata.id)
    request.status.CopyFrom(type(run.status)(**status))
    return await api.call(COMMAND, "updateStatus", request)


async def event_types(api, run):
    log = await api.call(QUERY, "getEventLog", io_pb2.GetEventLogRequest(execution_id=run.metadata.id))
    return [event_pb2.WorkflowEventType.Name(event.event_type) for event in log.events]


async def code_of(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code().name


async def test_a_run_on_hold_ends_what_it_does_and_begins_nothing(api):
    """The timer of the running task fires meanwhile; the next task begins after the resume only."""
    run = await started(api, {"wait": {"milliseconds": 50}}, {"set": {"a": 1}})
    await until(api, run, pb.EXECUTION_IN_PROGRESS)
    await api.call(COMMAND, "pause", io_pb2.PauseWorkflowExecutionInput(id=run.metadata.id, reason="lunch"))
    other = await started(api, {"wait": {"milliseconds": 200}})
    await until(api, other, pb.EXECUTION_COMPLETED)

    held = await stored(api, run)
    await api.call(COMMAND, "resume", io_pb2.ResumeWorkflowExecutionInput(id=run.metadata.id))
    done = await until(api, run, pb.EXECUTION_COMPLETED)

    assert held.status.phase == pb.EXECUTION_PAUSED
    assert [task.task_name for task in held.status.tasks] == ["t0"]
    assert dict(done.status.output) == {"a": 1}
    types = await event_types(api, run)
    assert types.index("execution_paused") < types.index("execution_resumed") < types.index("execution_completed")


async def test_a_run_on_hold_stays_so_over_a_restart(tmp_path):
    """And goes on after it."""
    async with installation(tmp_path / "home") as api:
        run = await started(api, {"wait": {"milliseconds": 30}}, {"set": {"a": 1}})
        await until(api, run, pb.EXECUTION_IN_PROGRESS)
        await api.call(COMMAND, "pause", io_pb2.PauseWorkflowExecutionInput(id=run.metadata.id))
    async with installation(tmp_path / "home") as api:
        other = await started(api, {"wait": {"milliseconds": 100}})
        await until(api, other, pb.EXECUTION_COMPLETED)
        held = await stored(api, run)
        await api.call(COMMAND, "resume", io_pb2.ResumeWorkflowExecutionInput(id=run.metadata.id))
        await until(api, run, pb.EXECUTION_COMPLETED)

    assert held.status.phase == pb.EXECUTION_PAUSED


async def test_pausing_and_resuming_twice_is_once(api):
    """One event of each; a paused run can be cancelled."""
    run = await started(api, NAP)
    pause = io_pb2.PauseWorkflowExecutionInput(id=run.metadata.id)
    resume = io_pb2.ResumeWorkflowExecutionInput(id=run.metadata.id)
    for rpc, request in (("pause", pause), ("pause", pause), ("resume", resume), ("resume", resume), ("pause", pause)):
        await api.call(COMMAND, rpc, request)

    cancelled = await api.call(COMMAND, "cancel", io_pb2.CancelWorkflowExecutionInput(id=run.metadata.id))

    types = await event_types(api, run)
    assert (types.count("execution_paused"), types.count("execution_resumed")) == (2, 1)
    assert cancelled.status.phase == pb.EXECUTION_CANCELLED


class Flaky(BaseHTTPRequestHandler):
    """Counts the calls of each path, and fails those of /flaky until it is told not to."""

    calls: ClassVar[Counter] = Counter()
    broken = True

    def do_GET(self):
        type(self).calls[self.path] += 1
        fails = self.path == "/flaky" and type(self).broken
        self.send_response(503 if fails else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def flaky():
    Flaky.calls, Flaky.broken = Counter(), True
    server = ThreadingHTTPServer(("127.0.0.1", 0), Flaky)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def failed(api, flaky):
    """Return a run that has failed at its third call, in one branch of a fork."""
    calls = [{"call": "http", "with": {"method": "get", "endpoint": f"{flaky}/{path}"}} for path in "abc"]
    broken = {"call": "http", "with": {"method": "get", "endpoint": f"{flaky}/flaky"}}
    inner = {"do": [{"before": calls[1]}, {"flaky": broken}, {"after": calls[2]}]}
    run = await started(api, calls[0], {"fork": {"branches": [{"left": inner}, {"right": {"set": {"r": 1}}}]}})
    await until(api, run, pb.EXECUTION_FAILED)
    return run


async def test_a_failed_run_goes_on_from_where_it_failed(api, flaky):
    """What was done is not done again; the task that failed is, and the rest follows."""
    run = await failed(api, flaky)
    Flaky.broken = False

    again = await api.call(COMMAND, "recover", io_pb2.RecoverWorkflowExecutionInput(id=run.metadata.id))
    done = await until(api, run, pb.EXECUTION_COMPLETED)

    assert (again.status.phase, again.status.error) == (pb.EXECUTION_IN_PROGRESS, "")
    assert dict(Flaky.calls) == {"/a": 1, "/b": 1, "/flaky": 2, "/c": 1}
    assert json_format.MessageToDict(done.status.output) == {"$value": ["ok", {"r": 1}]}


async def test_a_run_that_fails_again_can_be_recovered_again(api, flaky):
    """Also after a restart; recovering one that goes on is a no-op."""
    run = await failed(api, flaky)
    request = io_pb2.RecoverWorkflowExecutionInput(id=run.metadata.id)
    await api.call(COMMAND, "recover", request)
    await until(api, run, pb.EXECUTION_FAILED)
    Flaky.broken = False

    await api.call(COMMAND, "recover", request)
    await api.call(COMMAND, "recover", request)
    await until(api, run, pb.EXECUTION_COMPLETED)

    assert (Flaky.calls["/flaky"], Flaky.calls["/b"]) == (3, 1)


@pytest.mark.parametrize("phase", [pb.EXECUTION_COMPLETED, pb.EXECUTION_CANCELLED, pb.EXECUTION_TERMINATED])
@pytest.mark.parametrize(
    ("rpc", "message"),
    [
        ("pause", io_pb2.PauseWorkflowExecutionInput),
        ("resume", io_pb2.ResumeWorkflowExecutionInput),
        ("recover", io_pb2.RecoverWorkflowExecutionInput),
    ],
)
async def test_a_run_that_is_over_is_not_told_anything(api, rpc, message, phase):
    """FAILED_PRECONDITION; NOT_FOUND for one that is not there."""
    run = await started(api, NAP)
    await report(api, run, phase=phase)

    assert await code_of(api.call(COMMAND, rpc, message(id=run.metadata.id))) == "FAILED_PRECONDITION"
    assert await code_of(api.call(COMMAND, rpc, message(id="wex_none"))) == "NOT_FOUND"


async def test_a_signal_is_logged_once_per_key(api):
    """A retry of the client is no second signal; an ended run takes none."""
    run = await started(api, NAP)
    request = io_pb2.SendSignalInput(execution_id=run.metadata.id, signal_name="go", idempotency_key="k1")

    for _ in range(3):
        await api.call(COMMAND, "sendSignal", request)
    request.idempotency_key = "k2"
    await api.call(COMMAND, "sendSignal", request)

    assert (await event_types(api, run)).count("signal_received") == 2
    await api.call(COMMAND, "terminate", io_pb2.TerminateWorkflowExecutionInput(id=run.metadata.id))
    assert await code_of(api.call(COMMAND, "sendSignal", request)) == "FAILED_PRECONDITION"


async def test_only_a_task_that_waits_takes_an_answer(api):
    """Unknown: INVALID_ARGUMENT; not waiting: FAILED_PRECONDITION; waiting ones are listed."""
    run = await started(api, NAP)
    await until(api, run, pb.EXECUTION_IN_PROGRESS)
    asks = {"task_id": "/ask", "task_name": "ask", "status": pb.WORKFLOW_TASK_WAITING_APPROVAL}
    await report(api, run, tasks=[asks])
    request = io_pb2.SubmitWorkflowTaskApprovalInput(execution_id=run.metadata.id, task_name="ask", outcome="yes")
    pending = await api.call(QUERY, "listPendingApprovals", io_pb2.ListPendingApprovalsRequest(org="local"))

    await api.call(COMMAND, "submitWorkflowTaskApproval", request)

    assert [(entry.execution_id, entry.task_name) for entry in pending.entries] == [(run.metadata.id, "ask")]
    assert "approval_resolved" in await event_types(api, run)
    for name, code in (("t0", "FAILED_PRECONDITION"), ("other", "INVALID_ARGUMENT")):
        request.task_name = name
        assert await code_of(api.call(COMMAND, "submitWorkflowTaskApproval", request)) == code


@pytest.mark.parametrize(
    ("rpc", "request_"),
    [
        ("submitApproval", io_pb2.SubmitWorkflowApprovalInput(tool_call_id="c1", action=1)),
        (
            "submitFileDecision",
            io_pb2.SubmitWorkflowFileDecisionInput(
                child_agent_execution_id="aex_1", change_set_id="s", scope=1, action=1, expected_digest="d"
            ),
        ),
    ],
)
async def test_a_decision_nobody_waits_for_is_refused(api, rpc, request_):
    """INVALID_ARGUMENT while it runs, FAILED_PRECONDITION once it has ended."""
    run = await started(api, NAP)
    asked = type(request_)()
    asked.CopyFrom(request_)
    asked.execution_id = run.metadata.id

    assert await code_of(api.call(COMMAND, rpc, asked)) == "INVALID_ARGUMENT"
    await api.call(COMMAND, "cancel", io_pb2.CancelWorkflowExecutionInput(id=run.metadata.id))
    assert await code_of(api.call(COMMAND, rpc, asked)) == "FAILED_PRECONDITION"


async def bind_environment(api):
    """Give the default instance of the workflow `job` an environment."""
    environment = Environment(api_version="agentic.stigmer.ai/v1", kind="Environment")
    environment.metadata.name, environment.metadata.org = "staging", "local"
    environment.spec.data["URL"].value = "https://x"
    await api.call("ai.stigmer.agentic.environment.v1.EnvironmentCommandController", "create", environment)
    instance_id = json.loads((await applied(api, NAP)).json)["status"]["defaultInstanceId"]
    instance = await api.call(f"{INSTANCE}QueryController", "get", WorkflowInstanceId(value=instance_id))
    instance.spec.environment_refs.add(org="local", kind=53, slug="staging")
    await api.call(f"{INSTANCE}CommandController", "update", instance)


async def test_variables_are_in_the_context_only_and_go_with_the_run(api, tmp_path):
    """From the instance's environments and the call; nothing of a secret is in a file or an answer."""
    await bind_environment(api)

    run = await started(api, NAP, TOKEN=CANARY)

    values = api.app.store.read(lambda reader: context_values(reader, api.app.resources, run.metadata.id))
    request = ExecutionContextExecutionIdInput(execution_id=run.metadata.id)
    assert values == {"URL": "https://x", "TOKEN": CANARY}
    assert CANARY not in str(run) + str(await api.call(CONTEXT_QUERY, "getByExecutionId", request))
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert all(CANARY.encode() not in path.read_bytes() for path in files)
    await api.call(COMMAND, "cancel", io_pb2.CancelWorkflowExecutionInput(id=run.metadata.id))
    assert await code_of(api.call(CONTEXT_QUERY, "getByExecutionId", request)) == "NOT_FOUND"


async def test_the_spec_of_a_run_does_not_change(api):
    """Labels may."""
    run = await started(api, NAP)
    run.metadata.labels["team"] = "a"
    labelled = await api.call(COMMAND, "update", run)
    run.spec.trigger_message = "other"

    assert labelled.metadata.labels["team"] == "a"
    assert await code_of(api.call(COMMAND, "update", run)) == "FAILED_PRECONDITION"


async def test_a_summary_has_every_figure(api):
    """By phase, with costs, success and what fails."""
    for phase in (pb.EXECUTION_COMPLETED, pb.EXECUTION_FAILED, None):
        run = await started(api, NAP)
        if phase is not None:
            await report(api, run, phase=phase, total_cost_micros=500_000, started_at="2026-01-01T00:00:00Z")

    found = await api.call(QUERY, "getExecutionSummary", io_pb2.GetExecutionSummaryRequest(org="local"))

    assert (found.total_count, found.active_count, found.success_rate) == (3, 1, 0.5)
    assert found.total_cost.total_cost_usd == 1.0
    assert [(rank.workflow_slug, rank.failure_count) for rank in found.top_failing_workflows] == [("job", 1)]
    assert [(cost.workflow_slug, cost.execution_count) for cost in found.cost_by_workflow] == [("job", 3)]


async def test_runs_are_listed_by_their_present_phase(api):
    """The index follows every change of phase."""
    runs = [await started(api, NAP) for _ in range(3)]
    for run in runs:
        await until(api, run, pb.EXECUTION_IN_PROGRESS)
    await api.call(COMMAND, "cancel", io_pb2.CancelWorkflowExecutionInput(id=runs[1].metadata.id))

    request = io_pb2.ListWorkflowExecutionsRequest(phase=pb.EXECUTION_IN_PROGRESS)
    found = await api.call(QUERY, "list", request)

    assert [entry.metadata.id for entry in found.entries] == [runs[2].metadata.id, runs[0].metadata.id]
