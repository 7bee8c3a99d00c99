"""The commands of WorkflowExecution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, event_pb2

from stigmer_plugin_workflow._creation import check_request
from stigmer_plugin_workflow._phases import STOPPABLE, require_phase
from stigmer_plugin_workflow._status import append_events, merge, wire_time

if TYPE_CHECKING:
    from stigmer_core import Kind
    from stigmer_core.store import Transaction
    from stigmer_plugin_workflow._creation import Executions


class ExecutionCommands:
    """Serves `create`, `updateStatus`, `cancel` and `terminate`."""

    def __init__(self, kind: Kind, executions: Executions) -> None:
        self._kind = kind
        self._executions = executions
        self._resources = executions.resources
        self._store = executions.resources.store

    async def create(self, request: Any) -> Any:
        """Start an execution; nothing is written when it cannot start."""
        check_request(request)
        self._executions.require_ready()
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
        if self._executions.engine is not None:
            self._executions.engine.cancel(tx, execution_id, reason)
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


def _stop_event(phase: Any, reason: str, now: str) -> Any:
    event = event_pb2.WorkflowExecutionEvent(occurred_at=now)
    if phase == enum_pb2.EXECUTION_CANCELLED:
        event.event_type = event_pb2.execution_cancelled
        event.execution_cancelled.reason = reason
    else:
        event.event_type = event_pb2.execution_terminated
        event.execution_terminated.reason = reason
    return event
