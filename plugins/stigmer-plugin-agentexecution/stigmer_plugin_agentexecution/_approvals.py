"""Approvals: which tool calls wait for a person, and the ledger of what was asked and decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.agentexecution.v1.approval_pb2 import PendingApproval

from stigmer_core.errors import FailedPreconditionError, InvalidArgumentError
from stigmer_plugin_agentexecution._transcript import tool_calls

if TYPE_CHECKING:
    from collections.abc import Iterator

_EVENTS = {
    pb.APPROVAL_ACTION_APPROVE: pb.APPROVAL_EVENT_TYPE_APPROVED,
    pb.APPROVAL_ACTION_APPROVE_ALL: pb.APPROVAL_EVENT_TYPE_APPROVED,
    pb.APPROVAL_ACTION_SKIP: pb.APPROVAL_EVENT_TYPE_SKIPPED,
    pb.APPROVAL_ACTION_REJECT: pb.APPROVAL_EVENT_TYPE_REJECTED,
}
_ENDED_SUB_AGENT = frozenset({pb.SUB_AGENT_COMPLETED, pb.SUB_AGENT_FAILED, pb.SUB_AGENT_CANCELLED})


def refresh_approvals(execution: Any, now: str) -> None:
    """Compute the pending approvals anew, grant what a lease covers, and log what is new or no longer asked."""
    status = execution.status
    leased = {
        _tool_class(call) for call, _ in tool_calls(status) if call.approval_action == pb.APPROVAL_ACTION_APPROVE_ALL
    }
    for call, _ in _waiting(status):
        if execution.spec.auto_approve_all or _tool_class(call) in leased:
            _ask(execution, call, None, now)
            _decide(execution, call, pb.APPROVAL_ACTION_APPROVE, actor="policy", now=now)
    asked = {approval.tool_call_id for approval in status.pending_approvals}
    waiting = {call.id: (call, sub_agent) for call, sub_agent in _waiting(status)}
    for call_id in sorted(asked - set(waiting)):
        _retract(execution, call_id, now)
    status.ClearField("pending_approvals")
    for call, sub_agent in waiting.values():
        if call.id not in asked:
            _ask(execution, call, sub_agent, now)
        status.pending_approvals.append(_pending(call, sub_agent, now))


def withdraw_approvals(execution: Any, now: str) -> None:
    """Ask for nothing any more: the run has ended."""
    for approval in execution.status.pending_approvals:
        _retract(execution, approval.tool_call_id, now)
    execution.status.ClearField("pending_approvals")


def submit(execution: Any, request: Any, actor: str, now: str) -> bool:
    """Record a decision about a tool call; return False when it was decided like this before.

    Raises:
        InvalidArgumentError: the run has no such tool call.
        FailedPreconditionError: it does not ask for approval, or was decided differently.
    """
    call = next((call for call, _ in tool_calls(execution.status) if call.id == request.tool_call_id), None)
    where = f"execution {execution.metadata.id}"
    if call is None:
        raise InvalidArgumentError(f"{where} has no tool call {request.tool_call_id}")
    if call.approval_action == request.action:
        return False
    if call.approval_action:
        decided = str(pb.ApprovalAction.Name(call.approval_action))
        raise FailedPreconditionError(f"tool call {call.id} of {where} was decided before: {decided}")
    if call.status != pb.TOOL_CALL_WAITING_APPROVAL:
        raise FailedPreconditionError(f"tool call {call.id} of {where} does not wait for an approval")
    _decide(execution, call, request.action, actor=actor, now=now, comment=request.comment)
    refresh_approvals(execution, now)
    return True


def _waiting(status: Any) -> Iterator[tuple[Any, Any]]:
    for call, sub_agent in tool_calls(status):
        ended = sub_agent is not None and sub_agent.status in _ENDED_SUB_AGENT
        if call.status == pb.TOOL_CALL_WAITING_APPROVAL and not call.approval_action and not ended:
            yield call, sub_agent


def _tool_class(call: Any) -> tuple[Any, ...]:
    """Return what an `approve all` covers: calls of the same kind of tool, of the same MCP server."""
    return (call.mcp_server_slug, call.tool_kind or call.name)


def _decide(execution: Any, call: Any, action: Any, *, actor: str, now: str, comment: str = "") -> None:
    call.approval_action, call.approval_decided_at, call.approved_by = action, now, actor
    event = _event(execution, call.id, _EVENTS[action], actor, now)
    decided = event.decided
    decided.approval_request_id, decided.action = call.id, action
    decided.decided_at, decided.decided_by, decided.comment = now, actor, comment
    kept = [one for one in execution.status.pending_approvals if one.tool_call_id != call.id]
    execution.status.ClearField("pending_approvals")
    execution.status.pending_approvals.extend(kept)


def _ask(execution: Any, call: Any, sub_agent: Any, now: str) -> None:
    requested = _event(execution, call.id, pb.APPROVAL_EVENT_TYPE_REQUESTED, "runner", now).requested
    requested.approval_request_id = requested.tool_call_id = call.id
    requested.requested_at, requested.tool_name = call.approval_requested_at or now, call.name
    _describe(requested, call, sub_agent)


def _retract(execution: Any, call_id: str, now: str) -> None:
    ended = any(
        call.id == call_id and sub_agent is not None and sub_agent.status in _ENDED_SUB_AGENT
        for call, sub_agent in tool_calls(execution.status)
    )
    retracted = _event(execution, call_id, pb.APPROVAL_EVENT_TYPE_RETRACTED, "server", now).retracted
    retracted.approval_request_id, retracted.retracted_at = call_id, now
    sub_agent_ended = pb.APPROVAL_RETRACTION_REASON_SUB_AGENT_TERMINAL
    retracted.reason = sub_agent_ended if ended else pb.APPROVAL_RETRACTION_REASON_SUPERSEDED


def _pending(call: Any, sub_agent: Any, now: str) -> Any:
    approval = PendingApproval(tool_call_id=call.id, tool_name=call.name)
    approval.requested_at = call.approval_requested_at or now
    _describe(approval, call, sub_agent)
    return approval


def _describe(target: Any, call: Any, sub_agent: Any) -> None:
    target.message, target.args_preview = call.approval_message, call.args_preview
    target.mcp_server_slug, target.tool_kind = call.mcp_server_slug, call.tool_kind
    target.approval_policy_source = call.approval_policy_source
    if sub_agent is not None:
        target.from_sub_agent = True
        target.sub_agent_name, target.sub_agent_subject = sub_agent.name, sub_agent.subject


def _event(execution: Any, call_id: str, kind: Any, actor: str, now: str) -> Any:
    stream = execution.status.approval_event_stream
    stream.execution_id = execution.metadata.id
    return stream.events.add(
        event_id=f"{execution.metadata.id}/approval/{len(stream.events) + 1}",
        approval_request_id=call_id,
        event_type=kind,
        timestamp=now,
        actor=actor,
    )
