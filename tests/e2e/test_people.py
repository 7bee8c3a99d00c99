"""People in runs, over the API: questions that are escalated, budgets that are reviewed, messages over channels."""

from __future__ import annotations

import sys
from pathlib import Path

import grpc
import pytest
from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as agent_pb
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.workflowexecution.v1 import event_pb2, io_pb2
from google.protobuf import json_format

from stigmer_core.testing.distributions import write_distribution
from stigmer_core.testing.installation import installation

sys.path.append(str(Path(__file__).parent))
import agent_runs
from test_workflow_tasks import AGENT_CALL, COMMAND, NOTE, QUERY, agents_run, ended, is_waiting, started, until

sys.path.append(str(Path(__file__).parents[2] / "plugins" / "stigmer-plugin-workflow-runner" / "tests"))
from mail_server import mail_server

USAGE = {"input_tokens": 3, "output_tokens": 2}
REVIEW = {"maxTotalTokens": 4, "onExceeded": "budget_exceeded_human_review"}
ESCALATED = {
    "prompt": "Sure?",
    "approvers": ["ann"],
    "timeout": 1,
    "on_timeout": "HUMAN_INPUT_TIMEOUT_ESCALATE",
    "notification_channels": ["log"],
}


@pytest.fixture
async def api(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(write_distribution(tmp_path, "fake-agent", agent_runs.RUNNER))
    async with installation(tmp_path / "home") as api:
        await agent_runs.agent(api)
        yield api


async def answer(api, run, task, outcome):
    request = io_pb2.SubmitWorkflowTaskApprovalInput(execution_id=run.metadata.id, task_name=task, outcome=outcome)
    return await api.call(COMMAND, "submitWorkflowTaskApproval", request)


async def log(api, run):
    """Return the types and payloads of a run's events, in order."""
    found = await api.call(QUERY, "getEventLog", io_pb2.GetEventLogRequest(execution_id=run.metadata.id))
    return [(event_pb2.WorkflowEventType.Name(one.event_type), json_format.MessageToDict(one)) for one in found.events]


async def spent_too_much(api):
    """Return a run that has spent more than its budget, and waits."""
    run = await started(api, AGENT_CALL, NOTE, message='{"url": "x"}', budget=REVIEW)
    child = await agents_run(api, run)
    await agent_runs.report(api, child, phase=agent_pb.EXECUTION_COMPLETED, streaming_usage=USAGE)
    return await until(api, run, is_waiting)


async def test_a_question_that_nobody_answers_is_escalated_and_then_fails(api):
    """The second time everybody is asked who can edit the run."""
    run = await started(api, ("human_input", ESCALATED))
    asked = await until(api, run, is_waiting)
    pending = await api.call(QUERY, "listPendingApprovals", io_pb2.ListPendingApprovalsRequest(org="local"))
    done = await ended(api, run)

    events = await log(api, run)
    questions = [event["approvalRequested"] for name, event in events if name == "approval_requested"]
    assert [one.get("approvers") for one in questions] == [["ann"], None]
    assert [event["approvalResolved"]["autoResolved"] for name, event in events if name == "approval_resolved"] == [
        True
    ]
    assert pending.entries[0].timeout_at.seconds - pending.entries[0].requested_at.seconds == 1
    assert (done.status.phase, "nobody has answered" in done.status.error) == (pb.EXECUTION_FAILED, True)
    assert asked.status.tasks[0].metadata["approvers"]


async def test_an_escalated_question_is_for_everybody(api):
    """Before, others than the approvers are refused."""
    run = await started(api, ("human_input", {**ESCALATED, "timeout": 3}))
    await until(api, run, is_waiting)

    assert await agent_runs.code_of(answer(api, run, "t0", "approve")) == "PERMISSION_DENIED"
    await until(api, run, lambda frame: frame.status.tasks[0].metadata.fields["escalated"].bool_value)
    await answer(api, run, "t0", "approve")
    assert (await ended(api, run)).status.phase == pb.EXECUTION_COMPLETED


async def test_a_run_over_its_budget_goes_on_when_a_person_says_so(api):
    """The question is listed like any other, and the log has what was spent."""
    run = await spent_too_much(api)
    pending = await api.call(QUERY, "listPendingApprovals", io_pb2.ListPendingApprovalsRequest(org="local"))
    await answer(api, run, "t1", "continue")
    done = await ended(api, run)

    assert [entry.task_name for entry in pending.entries] == ["t1"]
    assert dict(done.status.output) == {"after": "yes"}
    checkpoints = [event["budgetCheckpoint"] for name, event in await log(api, run) if name == "budget_checkpoint"]
    assert checkpoints[-1]["onExceededPolicy"] == "budget_exceeded_human_review"
    assert (checkpoints[-1]["thresholdBreached"], checkpoints[-1]["tokensConsumed"]) == (True, "5")


async def test_a_run_over_its_budget_fails_when_a_person_says_so(api):
    """With the error of a run that is terminated."""
    run = await spent_too_much(api)

    with pytest.raises(grpc.aio.AioRpcError, match="continue, stop"):
        await answer(api, run, "t1", "approve")
    await answer(api, run, "t1", "stop")

    assert "the budget is exceeded: 0 micros and 5 tokens" in (await ended(api, run)).status.error


async def test_a_review_outlives_the_server(tmp_path, monkeypatch):
    """The next server takes the answer."""
    monkeypatch.syspath_prepend(write_distribution(tmp_path, "fake-agent", agent_runs.RUNNER))
    async with installation(tmp_path / "home") as api:
        await agent_runs.agent(api)
        run = await spent_too_much(api)
    async with installation(tmp_path / "home") as api:
        await answer(api, run, "t1", "continue")
        done = await ended(api, run)

    assert dict(done.status.output) == {"after": "yes"}


async def test_a_message_goes_over_a_channel_of_the_configuration(tmp_path):
    """With a template; a channel that is not there is refused at its option, with those that are."""
    home = tmp_path / "home"
    home.mkdir()
    async with mail_server() as server:
        channel = f'type = "email"\nhost = "localhost"\nport = {server.port}\ntls = "none"\nfrom = "s@example.org"\n'
        template = '[notification.templates.sent]\nsubject = "Order {order}"\n'
        (home / "config.toml").write_text(f"[notification.channels.mail]\n{channel}{template}")
        tell = {"channel": "mail", "recipients": ["ann@example.org"], "body": "Sent", "template": "sent"}
        async with installation(home) as api:
            run = await started(api, ("notification", {**tell, "metadata": {"order": "${ .n }"}}), message='{"n": "7"}')
            done = await ended(api, run)
            with pytest.raises(grpc.aio.AioRpcError, match="there are webhook, log, mail"):
                await started(api, ("notification", {**tell, "channel": "fax"}), name="other")

    assert (done.status.error, "Subject: Order 7" in server.messages[0]) == ("", True)


async def test_a_transformation_may_be_in_jsonata(api):
    """Over its own input."""
    transform = {"engine": "TRANSFORM_ENGINE_JSONATA", "expression": "{'sum': $sum(price)}", "input": ".items"}
    run = await started(api, ("transform", transform), message='{"items": [{"price": 2}, {"price": 3}]}')

    assert dict((await ended(api, run)).status.output) == {"sum": 5}
