"""Workflows, their versions and instances, and their runs."""

from __future__ import annotations

import sdk_cases_inputs as inputs
from ai.stigmer.agentic.workflow.v1 import task_kind_descriptor_pb2, version_pb2
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.workflowexecution.v1 import event_pb2, io_pb2
from ai.stigmer.agentic.workflowinstance.v1 import io_pb2 as instance_pb2
from sdk_cases_agent_runs import decision, reviewing, waiting
from sdk_cases_recording import case, code_of, codes
from stigmer._gen._types import ListParams
from stigmer._gen._workflow import WorkflowInput

VALID = 2
NOBODY = "wex_01jd2v0000000000000000000"
NO_HASH = "0" * 64


def running(client, name):
    """Return a run that waits until it is told something."""
    waits = inputs.task("hold", inputs.WAIT, duration={"seconds": 600})
    made = client.workflows.apply(inputs.workflow(name, tasks=[waits]))
    run = client.workflow_executions.create(inputs.workflow_run(workflow_id=made.metadata.id))
    return until(client, run, pb.EXECUTION_IN_PROGRESS)


def until(client, run, *phases):
    request = io_pb2.SubscribeWorkflowExecutionRequest(execution_id=run.metadata.id)
    return next(frame for frame in client.workflow_executions.subscribe(request) if frame.status.phase in phases)


def report(client, run, **fields):
    request = io_pb2.WorkflowExecutionUpdateStatusInput(execution_id=run.metadata.id)
    flags = {name: fields.pop(name) for name in list(fields) if "update_" in name}
    request.status.CopyFrom(type(run.status)(**fields))
    for name, value in flags.items():
        setattr(request, name, value)
    return client.workflow_executions.update_status(request)


@case
def workflows(client):
    rpcs = client.workflows
    made = rpcs.create(inputs.workflow("steps"))
    same = rpcs.apply(inputs.workflow("steps"))
    changed = rpcs.update(inputs.workflow("steps", "2"))
    asked = {"workflow_id": made.metadata.id, "version_hash": made.status.version_hash}
    rpcs.tag_version(version_pb2.TagWorkflowVersionInput(tag="v1", **asked))
    versions = rpcs.list_versions(version_pb2.ListWorkflowVersionsInput(org="local", slug="steps")).versions
    old = rpcs.get_by_reference(inputs.ref("steps", "v1"))
    one = rpcs.get_version(version_pb2.GetWorkflowVersionInput(**asked))
    yield "hash", len(made.status.version_hash), 64
    yield "same", same.status.version_hash, made.status.version_hash
    yield "versions", [(one.is_current, one.tag) for one in versions], [(True, ""), (False, "v1")]
    yield "by tag", old.status.version_hash == made.status.version_hash != changed.status.version_hash, True
    yield "version", (one.tag, one.is_current, "do:" in one.validated_yaml), ("v1", False, True)
    yield "valid", rpcs.validate_spec(inputs.workflow("steps")).state, VALID
    yield "listed", [hit.slug for hit in rpcs.list(ListParams(org="local", query="steps")).entries], ["steps"]
    yield "gone", (rpcs.delete(made.metadata.id).metadata.slug, code_of(rpcs.get, made.metadata.id))[1], "NOT_FOUND"


@case
def workflow_errors(client):
    rpcs = client.workflows
    bad = inputs.workflow("bad")
    bad.tasks[0].task_config = {}
    nowhere = {"workflow_id": "wfl_none", "version_hash": NO_HASH}
    yield from codes(
        "INVALID_ARGUMENT",
        (rpcs.create, bad),
        (rpcs.create, WorkflowInput(name="no-spec", org="local", document=None)),
        (rpcs.validate_spec, WorkflowInput(name="no-spec", org="local", document=None)),
        (rpcs.get_version, version_pb2.GetWorkflowVersionInput(workflow_id="w", version_hash="x")),
        (rpcs.tag_version, version_pb2.TagWorkflowVersionInput(tag="a b", **nowhere)),
        (rpcs.list_versions, version_pb2.ListWorkflowVersionsInput()),
        (rpcs.list, ListParams(org="local", query="x" * 501)),
    )
    yield from codes(
        "NOT_FOUND",
        (rpcs.get_version, version_pb2.GetWorkflowVersionInput(**nowhere)),
        (rpcs.tag_version, version_pb2.TagWorkflowVersionInput(tag="v1", **nowhere)),
        (rpcs.list_versions, version_pb2.ListWorkflowVersionsInput(org="local", slug="nowhere")),
    )


@case
def task_kinds(client):
    request = task_kind_descriptor_pb2.GetTaskKindRegistryRequest()
    found = client.workflows.get_task_kind_registry(request).descriptors
    yield "first", (found[0].kind, bool(found[0].description), bool(found[0].yaml_examples)), (1, True, True)


@case
def workflow_instances(client):
    rpcs = client.workflow_instances
    owner = client.workflows.create(inputs.workflow("instantiated"))
    made = rpcs.create(inputs.workflow_instance("nightly", owner.metadata.id))
    of_it = instance_pb2.GetWorkflowInstancesByWorkflowRequest(workflow_id=owner.metadata.id)
    found = [one.metadata.slug for one in rpcs.get_by_workflow(of_it).entries]
    yield "by workflow", sorted(found), ["instantiated-default", "nightly"]
    shown = instance_pb2.UpdateExecutionVisibilityInput(resource_id=made.metadata.id, execution_visibility=2)
    yield "shown", rpcs.update_execution_visibility(shown).spec.execution_visibility, 2
    run = client.workflow_executions.create(inputs.workflow_run(workflow_instance_id=made.metadata.id))
    yield "runs", run.spec.workflow_id, owner.metadata.id
    unknown = instance_pb2.UpdateExecutionVisibilityInput(resource_id="win_none", execution_visibility=1)
    lost = inputs.workflow_instance("lost", "wfl_none")
    yield from codes("NOT_FOUND", (rpcs.create, lost), (rpcs.update_execution_visibility, unknown))
    shown.execution_visibility = 0
    nothing = instance_pb2.GetWorkflowInstancesByWorkflowRequest()
    yield from codes("INVALID_ARGUMENT", (rpcs.get_by_workflow, nothing), (rpcs.update_execution_visibility, shown))


@case
def workflow_runs(client):
    rpcs = client.workflow_executions
    made = client.workflows.create(inputs.workflow("runs"))
    run = rpcs.create(inputs.workflow_run(workflow_id=made.metadata.id))
    request = io_pb2.SubscribeWorkflowExecutionRequest(execution_id=run.metadata.id)
    last = list(rpcs.subscribe(request))[-1]
    followed = rpcs.subscribe_events(io_pb2.SubscribeEventsRequest(execution_id=run.metadata.id))
    events = [event.event_type for event in followed]
    log = rpcs.get_event_log(io_pb2.GetEventLogRequest(execution_id=run.metadata.id))
    by_workflow = io_pb2.ListWorkflowExecutionsByWorkflowRequest(workflow_id=made.metadata.id)
    yield "ended", (last.status.phase, dict(last.status.output)), (pb.EXECUTION_COMPLETED, {"value": "1"})
    yield "pinned", last.status.workflow_version_hash, made.status.version_hash
    yield "events", (events[0], events[-1]), (event_pb2.execution_started, event_pb2.execution_completed)
    yield "log", [event.event_type for event in log.events], events
    yield "by workflow", [one.metadata.id for one in rpcs.list_by_workflow(by_workflow).entries], [run.metadata.id]
    newest = rpcs.list(io_pb2.ListWorkflowExecutionsRequest(org="local", page_size=1))
    yield "read", rpcs.get(run.metadata.id) == last, True
    yield "newest", [one.metadata.id for one in newest.entries], [run.metadata.id]
    yield "cancel", code_of(rpcs.cancel, io_pb2.CancelWorkflowExecutionInput(id=run.metadata.id)), "FAILED_PRECONDITION"
    yield "deleted", rpcs.delete(run.metadata.id).metadata.id, run.metadata.id


@case
def workflow_runs_that_cannot_start(client):
    rpcs = client.workflow_executions
    made = client.workflows.create(inputs.workflow("once"))
    named = inputs.workflow_run(workflow_id=made.metadata.id)
    named.name = "only once"
    rpcs.create(named)
    yield "twice", code_of(rpcs.create, named), "ALREADY_EXISTS"
    yield "neither", code_of(rpcs.create, inputs.workflow_run()), "INVALID_ARGUMENT"
    lost = (inputs.workflow_run(workflow_id="wfl_none"), inputs.workflow_run(workflow_instance_id="win_none"))
    yield from codes("NOT_FOUND", *((rpcs.create, one) for one in lost))


@case
def workflow_runs_are_controlled(client):
    rpcs = client.workflow_executions
    run = running(client, "controlled")
    run_id = run.metadata.id
    signal = io_pb2.SendSignalInput(execution_id=run_id, signal_name="go", idempotency_key="k")
    pause = io_pb2.PauseWorkflowExecutionInput(id=run_id)
    resume = io_pb2.ResumeWorkflowExecutionInput(id=run_id)
    yield "paused", rpcs.pause(pause).status.phase, pb.EXECUTION_PAUSED
    yield "active", code_of(rpcs.delete, run_id), "FAILED_PRECONDITION"
    yield "resumed", rpcs.resume(resume).status.phase, pb.EXECUTION_IN_PROGRESS
    yield "signalled", [rpcs.send_signal(signal).metadata.id for _ in range(2)], [run_id] * 2
    labelled = inputs.workflow_run(
        id=run_id,
        labels={"team": "a"},
        workflow_id=run.spec.workflow_id,
        workflow_instance_id=run.spec.workflow_instance_id,
    )
    yield "labelled", dict(rpcs.update(labelled).metadata.labels), {"team": "a"}
    labelled.trigger_message = "another"
    yield "another message", code_of(rpcs.update, labelled), "FAILED_PRECONDITION"
    cancelled = rpcs.cancel(io_pb2.CancelWorkflowExecutionInput(id=run_id, reason="enough"))
    yield "cancelled", (cancelled.status.phase, cancelled.status.error), (pb.EXECUTION_CANCELLED, "enough")
    over = ((rpcs.pause, pause), (rpcs.resume, resume), (rpcs.send_signal, signal))
    over += ((rpcs.terminate, io_pb2.TerminateWorkflowExecutionInput(id=run_id)),)
    yield from codes("FAILED_PRECONDITION", *over)
    other = running(client, "terminated")
    ended = rpcs.terminate(io_pb2.TerminateWorkflowExecutionInput(id=other.metadata.id, reason="now"))
    yield "terminated", (ended.status.phase, ended.status.error), (pb.EXECUTION_TERMINATED, "Terminated: now")


@case
def workflow_runs_are_recovered(client):
    rpcs = client.workflow_executions
    fails = inputs.task("fail", inputs.RAISE, error="boom", message="no")
    made = client.workflows.create(inputs.workflow("fails", tasks=[fails]))
    run = rpcs.create(inputs.workflow_run(workflow_id=made.metadata.id))
    failed = until(client, run, pb.EXECUTION_FAILED)
    recover = io_pb2.RecoverWorkflowExecutionInput(id=run.metadata.id)
    yield "failed", (failed.status.phase, "boom" in failed.status.error), (pb.EXECUTION_FAILED, True)
    yield "recovered", rpcs.recover(recover).status.phase, pb.EXECUTION_IN_PROGRESS
    yield "again", until(client, run, pb.EXECUTION_FAILED).status.phase, pb.EXECUTION_FAILED
    done = running(client, "unbroken")
    report(client, done, phase=pb.EXECUTION_COMPLETED)
    recover.id = done.metadata.id
    yield "completed", code_of(rpcs.recover, recover), "FAILED_PRECONDITION"


@case
def workflow_tasks_are_answered(client):
    rpcs = client.workflow_executions
    run = running(client, "asks")
    asks = {"task_id": "/ask", "task_name": "ask", "status": pb.WORKFLOW_TASK_WAITING_APPROVAL}
    report(client, run, tasks=[asks])
    pending = rpcs.list_pending_approvals(io_pb2.ListPendingApprovalsRequest(org="local"))
    yield "pending", [(one.execution_id, one.task_name) for one in pending.entries], [(run.metadata.id, "ask")]
    answer = io_pb2.SubmitWorkflowTaskApprovalInput(execution_id=run.metadata.id, task_name="ask", outcome="yes")
    answer.form_data.update({"why": "because"})
    yield "answered", rpcs.submit_workflow_task_approval(answer).metadata.id, run.metadata.id
    answer.task_name = "nowhere"
    yield "unknown", code_of(rpcs.submit_workflow_task_approval, answer), "INVALID_ARGUMENT"
    answer.task_name = "hold"
    yield "not asked", code_of(rpcs.submit_workflow_task_approval, answer), "FAILED_PRECONDITION"
    yield "nobody's", code_of(rpcs.list_pending_approvals, io_pb2.ListPendingApprovalsRequest()), "INVALID_ARGUMENT"


@case
def workflow_runs_pass_decisions_on(client):
    rpcs = client.workflow_executions
    run, child = running(client, "calls agents"), waiting(client, "c1")
    pending = {"child_agent_execution_id": child.metadata.id, "approval": {"tool_call_id": "c1"}}
    report(client, run, pending_approvals=[pending], update_pending_approvals=True)
    other = {"update_pending_approvals": True, "pending_update_child_agent_execution_id": "aex_other"}
    kept = report(client, run, **other).status.pending_approvals
    yield "kept", [one.child_agent_execution_id for one in kept], [child.metadata.id]
    asked = io_pb2.SubmitWorkflowApprovalInput(execution_id=run.metadata.id, tool_call_id="c1", action=1)
    yield "approved", len(rpcs.submit_approval(asked).status.pending_approvals), 0
    yield "passed on", client.agent_executions.get(child.metadata.id).status.phase, pb.EXECUTION_IN_PROGRESS
    yield "again", code_of(rpcs.submit_approval, asked), "INVALID_ARGUMENT"
    reviewed = reviewing(client)
    waits = {"child_agent_execution_id": reviewed.metadata.id, "change_set_id": ["s1"]}
    report(client, run, pending_file_reviews=[waits], update_pending_file_reviews=True)
    told = decision(reviewed)
    files = io_pb2.SubmitWorkflowFileDecisionInput(execution_id=run.metadata.id, change_set_id="s1", scope=told.scope)
    files.child_agent_execution_id, files.action = reviewed.metadata.id, told.action
    files.expected_digest = told.expected_digest
    yield "reviewed", rpcs.submit_file_decision(files).metadata.id, run.metadata.id
    yield "goes on", client.agent_executions.get(reviewed.metadata.id).status.phase, pb.EXECUTION_IN_PROGRESS
    files.child_agent_execution_id = "aex_none"
    yield "nobody's", code_of(rpcs.submit_file_decision, files), "INVALID_ARGUMENT"
    report(client, run, phase=pb.EXECUTION_COMPLETED)
    yield from codes("FAILED_PRECONDITION", (rpcs.submit_approval, asked), (rpcs.submit_file_decision, files))


@case
def workflow_runs_are_counted(client):
    rpcs = client.workflow_executions
    run = running(client, "counted")
    report(client, run, phase=pb.EXECUTION_COMPLETED, total_cost_micros=500_000)
    asked = io_pb2.GetExecutionSummaryRequest(org="local", workflow_id=run.spec.workflow_id)
    found = rpcs.get_execution_summary(asked)
    yield "figures", (found.total_count, found.success_rate, found.total_cost.total_cost_usd), (1, 1.0, 0.5)
    yield "of whom", code_of(rpcs.get_execution_summary, io_pb2.GetExecutionSummaryRequest()), "INVALID_ARGUMENT"


@case
def workflow_runs_that_are_not_there(client):
    rpcs = client.workflow_executions
    verbs = {"Cancel": rpcs.cancel, "Terminate": rpcs.terminate, "Pause": rpcs.pause}
    verbs |= {"Resume": rpcs.resume, "Recover": rpcs.recover}
    for verb, rpc in verbs.items():
        message = getattr(io_pb2, f"{verb}WorkflowExecutionInput")
        yield from codes("NOT_FOUND", (rpc, message(id=NOBODY)))
        yield from codes("INVALID_ARGUMENT", (rpc, message()))
    status = io_pb2.WorkflowExecutionUpdateStatusInput(execution_id=NOBODY)
    status.status.phase = pb.EXECUTION_COMPLETED
    answer = io_pb2.SubmitWorkflowTaskApprovalInput(execution_id=NOBODY, task_name="ask", outcome="yes")
    approve = io_pb2.SubmitWorkflowApprovalInput(execution_id=NOBODY, tool_call_id="c1", action=1)
    review = io_pb2.SubmitWorkflowFileDecisionInput(execution_id=NOBODY, change_set_id="s1", scope=1, action=1)
    review.child_agent_execution_id, review.expected_digest = "aex_none", "d1"
    yield from codes(
        "NOT_FOUND",
        (rpcs.update, inputs.workflow_run(id=NOBODY)),
        (rpcs.submit_workflow_task_approval, answer),
        (rpcs.submit_approval, approve),
        (rpcs.submit_file_decision, review),
        (rpcs.subscribe, io_pb2.SubscribeWorkflowExecutionRequest(execution_id=NOBODY)),
        (rpcs.subscribe_events, io_pb2.SubscribeEventsRequest(execution_id=NOBODY)),
        (rpcs.send_signal, io_pb2.SendSignalInput(execution_id=NOBODY, signal_name="go")),
        (rpcs.update_status, status),
    )
    yield from codes(
        "INVALID_ARGUMENT",
        (rpcs.list, io_pb2.ListWorkflowExecutionsRequest(page_size=-1)),
        (rpcs.list_by_workflow, io_pb2.ListWorkflowExecutionsByWorkflowRequest()),
        (rpcs.get_event_log, io_pb2.GetEventLogRequest()),
        (rpcs.update_status, io_pb2.WorkflowExecutionUpdateStatusInput(execution_id=NOBODY)),
    )
    unknown = rpcs.get_event_log(io_pb2.GetEventLogRequest(execution_id=NOBODY))
    yield "unknown log", (len(unknown.events), unknown.has_more), (0, False)
