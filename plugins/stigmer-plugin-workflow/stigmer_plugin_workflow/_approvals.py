"""Decisions of people: about tool calls and file changes of the agents that a run calls, and about its own tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.agentexecution.v1 import io_pb2 as agent_pb2
from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, event_pb2, io_pb2

from stigmer_core.errors import FailedPreconditionError, InvalidArgumentError
from stigmer_core.resources import page_size, page_token, token_position
from stigmer_core.resources.codec import to_dict
from stigmer_core.server import current_caller
from stigmer_plugin_workflow._answers import position_of, require_fitting
from stigmer_plugin_workflow._phases import STOPPABLE, require_phase
from stigmer_plugin_workflow._status import append_events, moment_of, wire_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import grpc.aio

    from stigmer_core import Kind
    from stigmer_core.store import Reader, Transaction
    from stigmer_plugin_workflow._creation import Executions

_AGENT_COMMANDS = "/ai.stigmer.agentic.agentexecution.v1.AgentExecutionCommandController"
_SCAN_PAGE, _SIZE_CAP = 200, 100


class Approvals:
    """Passes decisions on to whoever waits for them."""

    def __init__(self, kind: Kind, executions: Executions, channel: grpc.aio.Channel) -> None:
        self._kind = kind
        self._executions = executions
        self._resources = executions.resources
        self._channel = channel

    async def submit_tool_call(self, request: io_pb2.SubmitWorkflowApprovalInput) -> Any:
        """Decide about a tool call of an agent that the run called.

        Raises:
            InvalidArgumentError: no tool call of this id waits in the run.
        """
        execution = self._waiting(request.execution_id)
        child = _child_of(execution, request.tool_call_id)
        asked = agent_pb2.SubmitApprovalInput(
            agent_execution_id=child, tool_call_id=request.tool_call_id, action=request.action, comment=request.comment
        )
        await self._pass_on("submitApproval", asked)

        def settle(tx: Transaction, execution: Any) -> None:
            kept = [p for p in execution.status.pending_approvals if p.approval.tool_call_id != request.tool_call_id]
            execution.status.ClearField("pending_approvals")
            execution.status.pending_approvals.extend(kept)
            event = _event(event_pb2.approval_resolved, tx)
            event.approval_resolved.action = request.action
            _resolve(event.approval_resolved, request.comment)
            append_events(tx, execution.metadata.id, [event])

        return await self._changed(request.execution_id, settle)

    async def submit_files(self, request: io_pb2.SubmitWorkflowFileDecisionInput) -> Any:
        """Decide about file changes of an agent that the run called.

        Raises:
            InvalidArgumentError: no such change set waits in the run.
        """
        execution = self._waiting(request.execution_id)
        waiting = [one.child_agent_execution_id for one in execution.status.pending_file_reviews]
        if request.child_agent_execution_id not in waiting:
            raise InvalidArgumentError(
                f"execution {request.execution_id} waits for no review of {request.child_agent_execution_id}"
            )
        asked = agent_pb2.SubmitFileDecisionInput(
            agent_execution_id=request.child_agent_execution_id,
            change_set_id=request.change_set_id,
            scope=request.scope,
            file_change_id=request.file_change_id,
            action=request.action,
            expected_digest=request.expected_digest,
            reason=request.reason,
            acknowledge_unreviewable=request.acknowledge_unreviewable,
        )
        await self._pass_on("submitFileDecision", asked)
        return self._waiting(request.execution_id)

    async def submit_task(self, request: io_pb2.SubmitWorkflowTaskApprovalInput) -> Any:
        """Give the answer that a task of the run waits for.

        Raises:
            InvalidArgumentError: the run has no such task, or the task no such answer.
            PermissionDeniedError: others than the caller are asked.
            FailedPreconditionError: the task does not wait, or the run has ended.
        """

        def answer(tx: Transaction, execution: Any) -> None:
            require_phase(execution.status.phase, STOPPABLE, "answer a task of")
            task = _waiting_task(execution, request.task_name)
            require_fitting(task, request)
            payload = {
                "task": task.task_id,
                "position": position_of(task),
                "outcome": request.outcome,
                "formData": to_dict(request.form_data),
                "reviewer": request.reviewer or current_caller().name,
                "comment": request.comment,
            }
            self._executions.tell(tx, execution.metadata.id, "approval", payload)
            event = _event(event_pb2.approval_resolved, tx)
            event.task_name, event.approval_resolved.outcome = request.task_name, request.outcome
            _resolve(event.approval_resolved, request.comment, request.reviewer)
            append_events(tx, execution.metadata.id, [event])

        return await self._changed(request.execution_id, answer)

    def pending(self, reader: Reader, request: io_pb2.ListPendingApprovalsRequest) -> io_pb2.PendingApprovalsList:
        """Return a page of the tasks of an organization's runs that wait for a person, the newest run first."""
        size = page_size(request, default=_SIZE_CAP, most=_SIZE_CAP)
        found = [entry for execution in self._unfinished(reader, request.org) for entry in _pending(execution)]
        start = token_position(request) or 0
        more = page_token(request, start + size) if len(found) > start + size else ""
        return io_pb2.PendingApprovalsList(
            entries=found[start : start + size], total_count=len(found), next_page_token=more
        )

    def _unfinished(self, reader: Reader, org: str) -> Iterator[Any]:
        for phase in (enum_pb2.EXECUTION_IN_PROGRESS, enum_pb2.EXECUTION_PAUSED):
            before: int | None = None
            index = ("status.phase", str(phase))
            while rows := reader.page(self._kind.name, org=org, index=index, before=before, limit=_SCAN_PAGE):
                before = rows[-1].sequence
                yield from (self._kind.message.FromString(row.body) for row in rows)

    def _waiting(self, execution_id: str) -> Any:
        store = self._resources.store
        execution = store.read(lambda reader: self._resources.get_in(reader, self._kind, execution_id))
        require_phase(execution.status.phase, STOPPABLE, "decide about")
        return execution

    async def _pass_on(self, rpc: str, request: Any) -> None:
        import grpc  # noqa: PLC0415 - the command line reads this plugin without it

        call = self._channel.unary_unary(
            f"{_AGENT_COMMANDS}/{rpc}", type(request).SerializeToString, AgentExecution.FromString
        )
        try:
            await call(request)
        except grpc.RpcError as error:
            match error.code():
                case grpc.StatusCode.INVALID_ARGUMENT:
                    raise InvalidArgumentError(error.details()) from error
                case grpc.StatusCode.NOT_FOUND | grpc.StatusCode.FAILED_PRECONDITION:
                    raise FailedPreconditionError(f"the agent's run refuses: {error.details()}") from error
            raise

    async def _changed(self, execution_id: str, change: Any) -> Any:
        def run(tx: Transaction) -> Any:
            execution = self._resources.get_in(tx, self._kind, execution_id)
            change(tx, execution)
            return self._resources.save_in(tx, self._kind, execution, slot=None)

        return await self._resources.store.run(run)


def _child_of(execution: Any, tool_call_id: str) -> str:
    for pending in execution.status.pending_approvals:
        if pending.approval.tool_call_id == tool_call_id:
            return str(pending.child_agent_execution_id)
    raise InvalidArgumentError(f"execution {execution.metadata.id} waits for no tool call {tool_call_id}")


def _waiting_task(execution: Any, name: str) -> Any:
    named = [task for task in execution.status.tasks if task.task_name == name]
    if not named:
        raise InvalidArgumentError(f"execution {execution.metadata.id} has no task {name!r}")
    waiting = [task for task in named if task.status == enum_pb2.WORKFLOW_TASK_WAITING_APPROVAL]
    if not waiting:
        raise FailedPreconditionError(f"task {name!r} of execution {execution.metadata.id} waits for no answer")
    return waiting[0]


def _pending(execution: Any) -> Iterator[io_pb2.PendingApproval]:
    for task in execution.status.tasks:
        if task.status != enum_pb2.WORKFLOW_TASK_WAITING_APPROVAL:
            continue
        entry = io_pb2.PendingApproval(
            execution_id=execution.metadata.id,
            workflow_name=execution.metadata.name,
            task_name=task.task_name,
            requester=execution.status.audit.spec_audit.created_by.id,
            ui_hint=task.ui_hint,
        )
        if task.started_at:
            entry.requested_at.FromJsonString(task.started_at)
        _say_how_long(entry, task.metadata.fields)
        yield entry


def _say_how_long(entry: io_pb2.PendingApproval, asked: Mapping[str, Any]) -> None:
    """Add the form, and the moment from which on no answer is taken; clients report metadata as they like."""
    until = moment_of(asked["timeoutAt"].string_value) if "timeoutAt" in asked else None
    if until is not None:
        entry.timeout_at.FromDatetime(until)
    if "formSchema" in asked and asked["formSchema"].HasField("struct_value"):
        entry.form_schema.CopyFrom(asked["formSchema"].struct_value)


def _resolve(payload: Any, comment: str, reviewer: str = "") -> None:
    payload.resolved_by = reviewer or current_caller().name
    payload.resolved_by_actor.id = payload.resolved_by
    payload.comment = comment


def _event(kind: Any, tx: Transaction) -> event_pb2.WorkflowExecutionEvent:
    return event_pb2.WorkflowExecutionEvent(event_type=kind, occurred_at=wire_time(tx.now))
