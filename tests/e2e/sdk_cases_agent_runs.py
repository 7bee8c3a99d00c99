"""Runs of agents: how they start, what is decided about them, how they end, and what is said of many."""

from __future__ import annotations

import urllib.request

import sdk_cases_inputs as inputs
from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.agentexecution.v1 import io_pb2
from ai.stigmer.agentic.executioncontext.v1 import io_pb2 as context_pb2
from sdk_cases_recording import case, code_of, codes
from stigmer._gen._agentexecution import AttachmentInput, SessionSpecInput
from stigmer._gen._types import EnvVarInput

NOBODY = "aex_01jd2v0000000000000000000"
TODAY = {"from_date": "2020-01-01", "to_date": "2100-01-01"}


def report(client, run, **status):
    request = io_pb2.AgentExecutionUpdateStatusInput(execution_id=run.metadata.id)
    request.status.CopyFrom(type(run.status)(**status))
    return client.agent_executions.update_status(request)


def waiting(client, *call_ids):
    """Return a run whose tool calls wait for approval."""
    run = client.agent_executions.create(inputs.agent_run())
    waits = {"name": "shell", "status": pb.TOOL_CALL_WAITING_APPROVAL, "tool_kind": pb.TOOL_KIND_SHELL}
    message = {"type": pb.MESSAGE_AI, "tool_calls": [{"id": call_id, **waits} for call_id in call_ids]}
    report(client, run, phase=pb.EXECUTION_WAITING_FOR_APPROVAL, messages=[message])
    return run


def reviewing(client):
    """Return a run that waits for the review of a change set `s1`."""
    run = client.agent_executions.create(inputs.agent_run())
    changes = {"id": "s1", "status": pb.FILE_CHANGE_SET_STATUS_AWAITING_REVIEW, "aggregate_digest": "d1"}
    report(client, run, phase=pb.EXECUTION_WAITING_FOR_APPROVAL, file_change_sets=[changes])
    return run


def approval(run, call_id, action=pb.APPROVAL_ACTION_APPROVE):
    return io_pb2.SubmitApprovalInput(agent_execution_id=run.metadata.id, tool_call_id=call_id, action=action)


def decision(run, change_set="s1", digest="d1", action=pb.FILE_DECISION_ACTION_APPROVE):
    return io_pb2.SubmitFileDecisionInput(
        agent_execution_id=run.metadata.id,
        change_set_id=change_set,
        scope=pb.FILE_DECISION_SCOPE_CHANGE_SET,
        action=action,
        expected_digest=digest,
    )


@case
def agent_runs_start(client):
    rpcs = client.agent_executions
    owner = client.agents.create(inputs.agent("Runner"))
    secret = {"TOKEN": EnvVarInput(value="sesame", is_secret=True)}
    run = rpcs.create(inputs.agent_run(agent_id=owner.metadata.id, runtime_env=secret))
    session = client.sessions.get(run.spec.session_id)
    yield "phase", run.status.phase, pb.EXECUTION_PENDING
    yield "session", session.spec.agent_instance_id, owner.status.default_instance_id
    request = context_pb2.ExecutionContextExecutionIdInput(execution_id=run.metadata.id)
    context = client.execution_contexts.get_by_execution_id(request)
    yield "hidden", ("sesame" in str(context), "TOKEN" in context.spec.data, len(run.spec.runtime_env)), (0, 1, 0)
    more = rpcs.create(inputs.agent_run(session_id=session.metadata.id))
    of_session = io_pb2.ListAgentExecutionsBySessionRequest(session_id=session.metadata.id)
    listed = [one.metadata.id for one in rpcs.list_by_session(of_session).entries]
    yield "by session", listed, [more.metadata.id, run.metadata.id]
    found = rpcs.list(io_pb2.ListAgentExecutionsRequest(phase=pb.EXECUTION_PENDING, page_size=2))
    yield "by phase", [one.metadata.id for one in found.entries], [more.metadata.id, run.metadata.id]
    yield "described", rpcs.create(inputs.agent_run(session_spec=SessionSpecInput(subject="mine"))).status.phase, 1


@case
def agent_runs_that_cannot_start(client):
    rpcs = client.agent_executions
    both = inputs.agent_run(session_id="ses_x", session_spec=SessionSpecInput(subject="x"))
    stateful = inputs.agent_run(session_spec=SessionSpecInput(harness_state_id="h1"))
    lost_file = inputs.agent_run(attachments=[AttachmentInput(filename="a", storage_key="attachments/x/a")])
    yield from codes("INVALID_ARGUMENT", (rpcs.create, inputs.agent_run(message="")), (rpcs.create, both))
    yield from codes("INVALID_ARGUMENT", (rpcs.create, stateful))
    yield from codes("FAILED_PRECONDITION", (rpcs.create, lost_file))
    yield from codes(
        "NOT_FOUND",
        (rpcs.create, inputs.agent_run(session_id="ses_none")),
        (rpcs.create, inputs.agent_run(agent_id="agt_none")),
    )


@case
def agent_runs_report_and_end(client):
    rpcs = client.agent_executions
    run = rpcs.create(inputs.agent_run())
    answer = report(client, run, phase=pb.EXECUTION_IN_PROGRESS)
    stream = rpcs.subscribe(run.metadata.id)
    first = next(stream).status.phase
    report(client, run, phase=pb.EXECUTION_COMPLETED)
    yield "signal", answer.signal, pb.EXECUTION_CONTROL_SIGNAL_UNSPECIFIED
    yield "frames", [first, *(frame.status.phase for frame in stream)], [2, pb.EXECUTION_COMPLETED]
    yield "afterwards", [frame.status.phase for frame in rpcs.subscribe(run.metadata.id)], [pb.EXECUTION_COMPLETED]
    labelled = inputs.agent_run(id=run.metadata.id, labels={"team": "a"}, session_id=run.spec.session_id)
    yield "labelled", dict(rpcs.update(labelled).metadata.labels), {"team": "a"}
    labelled.message = "another"
    yield "another message", code_of(rpcs.update, labelled), "FAILED_PRECONDITION"
    yield "deleted", rpcs.delete(run.metadata.id).metadata.id, run.metadata.id
    yield "gone", code_of(rpcs.subscribe, run.metadata.id), "NOT_FOUND"
    yield "nobody's report", code_of(report, client, run), "NOT_FOUND"


@case
def agent_runs_are_decided_about(client):
    rpcs = client.agent_executions
    run = waiting(client, "c1", "c2")
    first = rpcs.submit_approval(approval(run, "c1"))
    yield "one waits", [one.tool_call_id for one in first.status.pending_approvals], ["c2"]
    yield "again", rpcs.submit_approval(approval(run, "c1")) == first, True
    yield "differently", code_of(rpcs.submit_approval, approval(run, "c1", 2)), "FAILED_PRECONDITION"
    yield "unknown call", code_of(rpcs.submit_approval, approval(run, "c9")), "INVALID_ARGUMENT"
    yield "no action", code_of(rpcs.submit_approval, approval(run, "c2", 0)), "INVALID_ARGUMENT"
    second = rpcs.submit_approval(approval(run, "c2", pb.APPROVAL_ACTION_REJECT))
    yield "goes on", second.status.phase, pb.EXECUTION_IN_PROGRESS


@case
def agent_runs_are_reviewed(client):
    rpcs = client.agent_executions
    run = reviewing(client)
    yield "another content", code_of(rpcs.submit_file_decision, decision(run, digest="d2")), "FAILED_PRECONDITION"
    yield "unknown set", code_of(rpcs.submit_file_decision, decision(run, "s9")), "INVALID_ARGUMENT"
    decided = rpcs.submit_file_decision(decision(run))
    yield "decided", decided.status.file_change_sets[0].status, pb.FILE_CHANGE_SET_STATUS_DECIDED
    yield "goes on", decided.status.phase, pb.EXECUTION_IN_PROGRESS
    yield "again", rpcs.submit_file_decision(decision(run)) == decided, True
    other = decision(run, action=pb.FILE_DECISION_ACTION_REJECT)
    yield "differently", code_of(rpcs.submit_file_decision, other), "FAILED_PRECONDITION"


@case
def agent_runs_are_controlled(client):
    rpcs = client.agent_executions
    run = rpcs.create(inputs.agent_run())
    pause = io_pb2.PauseAgentExecutionInput(id=run.metadata.id, reason="lunch")
    resume = io_pb2.ResumeAgentExecutionInput(id=run.metadata.id)
    recover = io_pb2.RecoverAgentExecutionInput(id=run.metadata.id)
    yield "paused", rpcs.pause(pause).status.phase, pb.EXECUTION_PAUSED
    yield "told", report(client, run).signal, pb.EXECUTION_CONTROL_SIGNAL_STOP
    yield "active", code_of(rpcs.delete, run.metadata.id), "FAILED_PRECONDITION"
    yield "resumed", rpcs.resume(resume).status.phase, pb.EXECUTION_IN_PROGRESS
    report(client, run, phase=pb.EXECUTION_FAILED, error="boom")
    yield "failed", code_of(rpcs.pause, pause), "FAILED_PRECONDITION"
    yield "recovered", rpcs.recover(recover).status.phase, pb.EXECUTION_PENDING
    cancelled = rpcs.cancel(io_pb2.CancelAgentExecutionInput(id=run.metadata.id, reason="enough"))
    yield "cancelled", (cancelled.status.phase, cancelled.status.error), (pb.EXECUTION_CANCELLED, "enough")
    terminate = io_pb2.TerminateAgentExecutionInput(id=run.metadata.id)
    over = ((rpcs.terminate, terminate), (rpcs.resume, resume), (rpcs.recover, recover))
    yield from codes("FAILED_PRECONDITION", *over)
    other = rpcs.create(inputs.agent_run())
    ended = rpcs.terminate(io_pb2.TerminateAgentExecutionInput(id=other.metadata.id, reason="now"))
    yield "terminated", (ended.status.phase, ended.status.error), (pb.EXECUTION_TERMINATED, "Terminated: now")
    cancel = io_pb2.CancelAgentExecutionInput(id=other.metadata.id)
    yield "over", code_of(rpcs.cancel, cancel), "FAILED_PRECONDITION"


@case
def agent_runs_that_are_not_there(client):
    rpcs = client.agent_executions
    verbs = {"Cancel": rpcs.cancel, "Terminate": rpcs.terminate, "Pause": rpcs.pause}
    verbs |= {"Resume": rpcs.resume, "Recover": rpcs.recover}
    for verb, rpc in verbs.items():
        message = getattr(io_pb2, f"{verb}AgentExecutionInput")
        yield from codes("NOT_FOUND", (rpc, message(id=NOBODY)))
        yield from codes("INVALID_ARGUMENT", (rpc, message()))
    nobody = inputs.agent_run(id=NOBODY)
    approve = io_pb2.SubmitApprovalInput(agent_execution_id=NOBODY, tool_call_id="c1", action=1)
    review = io_pb2.SubmitFileDecisionInput(agent_execution_id=NOBODY, change_set_id="s1", scope=1, action=1)
    review.expected_digest = "d1"
    lost = ((rpcs.update, nobody), (rpcs.submit_approval, approve), (rpcs.submit_file_decision, review))
    yield from codes("NOT_FOUND", *lost)
    yield from codes(
        "INVALID_ARGUMENT",
        (rpcs.list, io_pb2.ListAgentExecutionsRequest(page_size=-1)),
        (rpcs.list, io_pb2.ListAgentExecutionsRequest(page_token="nonsense")),
        (rpcs.list_by_session, io_pb2.ListAgentExecutionsBySessionRequest()),
        (rpcs.subscribe, ""),
    )


@case
def agent_runs_have_files(client):
    rpcs = client.agent_executions
    upload = io_pb2.UploadAttachmentRequest(filename="notes.txt", content=b"tea", content_type="text/plain")
    key = rpcs.upload_attachment(upload).storage_key
    run = rpcs.create(inputs.agent_run(attachments=[AttachmentInput(filename="notes.txt", storage_key=key)]))
    asked = {"execution_id": run.metadata.id, "storage_key": key}
    read = rpcs.get_artifact_content(io_pb2.GetArtifactContentRequest(max_bytes=2, **asked))
    yield "content", (read.content.decode(), read.total_size_bytes, read.truncated), ("te", 3, True)
    url = rpcs.get_artifact_download_url(io_pb2.GetArtifactDownloadUrlRequest(**asked)).download_url
    with urllib.request.urlopen(url) as answer:
        yield "downloaded", answer.read().decode(), "tea"
    lost = {"execution_id": run.metadata.id, "storage_key": "attachments/../x"}
    yield from codes(
        "NOT_FOUND",
        (rpcs.get_artifact_content, io_pb2.GetArtifactContentRequest(**lost)),
        (rpcs.get_artifact_download_url, io_pb2.GetArtifactDownloadUrlRequest(**lost)),
    )
    path = io_pb2.UploadAttachmentRequest(filename="../notes.txt", content=b"tea")
    yield "a path", code_of(rpcs.upload_attachment, path), "INVALID_ARGUMENT"


@case
def agent_runs_are_counted(client):
    rpcs = client.agent_executions
    owner = client.agents.create(inputs.agent("Counted"))
    run = rpcs.create(inputs.agent_run(agent_id=owner.metadata.id))
    usage = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12, "model": "m", "turn_count": 1}
    report(client, run, phase=pb.EXECUTION_IN_PROGRESS, streaming_usage=usage)
    report(client, run, phase=pb.EXECUTION_FAILED)
    of_run = io_pb2.GetExecutionUsageReportInput(execution_id=run.metadata.id)
    of_session = io_pb2.GetSessionUsageReportInput(session_id=run.spec.session_id)
    of_agent = io_pb2.GetAgentUsageReportInput(agent_id=owner.metadata.id, org_id="local", **TODAY)
    yield "run", rpcs.get_execution_usage_report(of_run).aggregate.input_tokens, 5
    yield "session", rpcs.get_session_usage_report(of_session).execution_count, 1
    yield "agent", rpcs.get_agent_usage_report(of_agent).total_usage.output_tokens, 7
    org = rpcs.get_org_usage_report(io_pb2.GetOrgUsageReportInput(org_id="local", **TODAY))
    yield "org", "Counted" in [one.agent_name for one in org.top_agents_by_cost], True
    summary = rpcs.get_execution_summary(io_pb2.GetAgentExecutionSummaryRequest(org="local"))
    yield "summary", summary.phase_counts[pb.EXECUTION_FAILED] >= 1, True


@case
def agent_run_reports_that_make_no_sense(client):
    rpcs = client.agent_executions
    yield from codes(
        "NOT_FOUND",
        (rpcs.get_execution_usage_report, io_pb2.GetExecutionUsageReportInput(execution_id=NOBODY)),
        (rpcs.get_session_usage_report, io_pb2.GetSessionUsageReportInput(session_id="ses_none")),
        (rpcs.get_agent_usage_report, io_pb2.GetAgentUsageReportInput(agent_id="agt_none", org_id="local")),
    )
    yield from codes(
        "INVALID_ARGUMENT",
        (rpcs.get_org_usage_report, io_pb2.GetOrgUsageReportInput(org_id="local")),
        (rpcs.get_org_usage_report, io_pb2.GetOrgUsageReportInput(org_id="local", from_date="today", to_date="x")),
        (rpcs.get_execution_summary, io_pb2.GetAgentExecutionSummaryRequest()),
    )
