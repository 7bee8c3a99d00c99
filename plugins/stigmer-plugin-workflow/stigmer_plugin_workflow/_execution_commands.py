"""The commands of WorkflowExecution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, event_pb2

from stigmer_core.resources import close_context
from stigmer_plugin_workflow import _control as control
from stigmer_plugin_workflow._creation import check_request
from stigmer_plugin_workflow._phases import STOPPABLE, require_phase
from stigmer_plugin_workflow._status import append_events, merge, wire_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from ai.stigmer.agentic.workflowexecution.v1 import io_pb2

    from stigmer_core import Kind
    from stigmer_core.store import Transaction
    from stigmer_plugin_workflow._approvals import Approvals
    from stigmer_plugin_workflow._creation import Executions


class ExecutionCommands:
    """Serves every command of a run but `update` and `delete`, which are the generic ones."""

    def __init__(self, kind: Kind, executions: Executions, approvals: Approvals) -> None:
        self._kind = kind
        self._approvals = approvals
        self._executions = executions
        self._resources = executions.resources
        self._store = executions.resources.store

    async def create(self, request: Any) -> Any:
        """Start an execution; nothing is written when it cannot start."""
        check_request(request)
        self._executions.gate.require_ready()
        workflow = self._store.read(lambda reader: self._executions.workflow_of(reader, request.spec))
        named = self._executions.named(request, workflow.metadata.slug)
        draft = self._resources.prepare(self._kind, named, creating=True)
        return await self._store.run(lambda tx: self._executions.create_in(tx, draft))

    async def update_status(self, request: Any) -> Any:
        """Merge what a runner elsewhere reports."""
        return await self._store.run(lambda tx: merge(tx, self._resources, request.execution_id, request))

    async def cancel(self, request: Any) -> Any:
        """Cancel an execution; no task starts after this returns. Cancelling twice is once."""
        return await self._store.run(
            lambda tx: self._stopped(tx, request.id, enum_pb2.EXECUTION_CANCELLED, request.reason)
        )

    async def terminate(self, request: Any) -> Any:
        """End an execution at once. Terminating twice is once."""
        return await self._store.run(
            lambda tx: self._stopped(tx, request.id, enum_pb2.EXECUTION_TERMINATED, request.reason)
        )

    async def pause(self, request: io_pb2.PauseWorkflowExecutionInput) -> Any:
        """Put a run on hold: what is under way ends, and nothing new begins. Pausing twice is once."""
        return await self._changed(
            request.id, lambda tx, execution: control.pause(self._executions, tx, execution, request.reason)
        )

    async def resume(self, request: io_pb2.ResumeWorkflowExecutionInput) -> Any:
        """Let a paused run go on. A run that goes on already is left as it is."""
        return await self._changed(request.id, lambda tx, execution: control.resume(self._executions, tx, execution))

    async def recover(self, request: io_pb2.RecoverWorkflowExecutionInput) -> Any:
        """Start a failed run again. A run that goes on already is left as it is."""
        return await self._changed(request.id, lambda tx, execution: control.recover(self._executions, tx, execution))

    async def send_signal(self, request: io_pb2.SendSignalInput) -> Any:
        """Send a run a signal; the same idempotency key twice is one signal."""

        def send(tx: Transaction) -> Any:
            execution = self._resources.get_in(tx, self._kind, request.execution_id)
            control.send_signal(self._executions, tx, execution, request)
            return execution

        return await self._store.run(send)

    async def submit_approval(self, request: io_pb2.SubmitWorkflowApprovalInput) -> Any:
        """Decide about a tool call of an agent that the run called."""
        return await self._approvals.submit_tool_call(request)

    async def submit_file_decision(self, request: io_pb2.SubmitWorkflowFileDecisionInput) -> Any:
        """Decide about file changes of an agent that the run called."""
        return await self._approvals.submit_files(request)

    async def submit_workflow_task_approval(self, request: io_pb2.SubmitWorkflowTaskApprovalInput) -> Any:
        """Give the answer that a task of the run waits for."""
        return await self._approvals.submit_task(request)

    async def _changed(self, execution_id: str, change: Callable[[Transaction, Any], bool]) -> Any:
        def run(tx: Transaction) -> Any:
            execution = self._resources.get_in(tx, self._kind, execution_id)
            return self._resources.save_in(tx, self._kind, execution) if change(tx, execution) else execution

        return await self._store.run(run)

    def _stopped(self, tx: Transaction, execution_id: str, phase: Any, reason: str) -> Any:
        execution = self._resources.get_in(tx, self._kind, execution_id)
        status = execution.status
        if status.phase == phase:
            return execution
        cancelling = phase == enum_pb2.EXECUTION_CANCELLED
        require_phase(status.phase, STOPPABLE, "cancel" if cancelling else "terminate")
        status.phase, status.completed_at = phase, wire_time(tx.now)
        status.error = reason if cancelling else f"Terminated: {reason}"
        _settle_tasks(status)
        append_events(tx, execution_id, [_stop_event(phase, reason, wire_time(tx.now))])
        if self._executions.gate.engine is not None:
            self._executions.gate.engine.cancel(tx, execution.metadata.id, reason)
        close_context(tx, self._resources, execution_id)
        return self._resources.save_in(tx, self._kind, execution)


def _settle_tasks(status: Any) -> None:
    running = (
        enum_pb2.WORKFLOW_TASK_IN_PROGRESS,
        enum_pb2.WORKFLOW_TASK_PENDING,
        enum_pb2.WORKFLOW_TASK_WAITING_APPROVAL,
    )
    for task in status.tasks:
        if task.status in running:
            task.status, task.completed_at = enum_pb2.WORKFLOW_TASK_SKIPPED, status.completed_at
    status.ClearField("pending_approvals")
    status.ClearField("pending_file_reviews")


def _stop_event(phase: Any, reason: str, now: str) -> Any:
    event = event_pb2.WorkflowExecutionEvent(occurred_at=now)
    if phase == enum_pb2.EXECUTION_CANCELLED:
        event.event_type = event_pb2.execution_cancelled
        event.execution_cancelled.reason = reason
    else:
        event.event_type = event_pb2.execution_terminated
        event.execution_terminated.reason = reason
    return event
