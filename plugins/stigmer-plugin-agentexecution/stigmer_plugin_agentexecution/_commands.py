"""The commands of AgentExecution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.agentexecution.v1 import io_pb2

from stigmer_core.program import Run
from stigmer_core.resources import close_context
from stigmer_core.server import current_caller
from stigmer_plugin_agentexecution import _approvals, _reviews
from stigmer_plugin_agentexecution._creation import RUNNER
from stigmer_plugin_agentexecution._phases import ACTIVE, DECIDABLE, RUNNING, require_phase
from stigmer_plugin_agentexecution._status import control_signal, merge, wire_time
from stigmer_plugin_agentexecution._transcript import add_notice, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_core.store import Transaction
    from stigmer_plugin_agentexecution._creation import Executions
    from stigmer_plugin_agentexecution._files import Files

_RECOVERIES = "stigmer.ai/recoveries"


class ExecutionCommands:
    """Serves every command of a run but `update` and `delete`, which are the generic ones."""

    def __init__(self, executions: Executions, files: Files) -> None:
        self._kind = executions.kind
        self._executions = executions
        self._resources = executions.resources
        self._files = files

    async def create(self, request: Any) -> Any:
        """Start a run; nothing is written when it cannot start."""
        self._executions.gate.require_ready()
        draft = self._executions.prepared(request)
        return await self._resources.store.run(lambda tx: self._executions.create_in(tx, draft))

    async def update_status(self, request: io_pb2.AgentExecutionUpdateStatusInput) -> io_pb2.UpdateStatusResponse:
        """Merge what a runner elsewhere reports, and tell it whether to stop."""
        execution = await self._resources.store.run(
            lambda tx: merge(tx, self._resources, request.execution_id, request.status)
        )
        return io_pb2.UpdateStatusResponse(signal=control_signal(execution), signal_reason=execution.status.error)

    async def submit_approval(self, request: io_pb2.SubmitApprovalInput) -> Any:
        """Decide about a tool call that waits; the same decision twice is one."""

        def decide(tx: Transaction, execution: Any) -> bool:
            require_phase(execution.status.phase, DECIDABLE, "decide about")
            actor = current_caller().name
            return self._decided(tx, execution, _approvals.submit(execution, request, actor, wire_time(tx.now)))

        return await self._changed(request.agent_execution_id, decide)

    async def submit_file_decision(self, request: io_pb2.SubmitFileDecisionInput) -> Any:
        """Decide about captured file changes; the same decision twice is one."""

        def decide(tx: Transaction, execution: Any) -> bool:
            require_phase(execution.status.phase, DECIDABLE, "decide about")
            actor = current_caller().name
            return self._decided(tx, execution, _reviews.decide(execution, request, actor, wire_time(tx.now)))

        return await self._changed(request.agent_execution_id, decide)

    async def cancel(self, request: io_pb2.CancelAgentExecutionInput) -> Any:
        """Cancel a run. Cancelling twice is once."""
        return await self._changed(
            request.id, lambda tx, execution: self._stop(tx, execution, pb.EXECUTION_CANCELLED, request.reason)
        )

    async def terminate(self, request: io_pb2.TerminateAgentExecutionInput) -> Any:
        """End a run at once. Terminating twice is once."""
        return await self._changed(
            request.id, lambda tx, execution: self._stop(tx, execution, pb.EXECUTION_TERMINATED, request.reason)
        )

    async def pause(self, request: io_pb2.PauseAgentExecutionInput) -> Any:
        """Let a run stop after what it is doing. Pausing twice is once."""

        def pause(tx: Transaction, execution: Any) -> bool:
            if execution.status.phase == pb.EXECUTION_PAUSED:
                return False
            require_phase(execution.status.phase, RUNNING, "pause")
            execution.status.phase = pb.EXECUTION_PAUSED
            self._signal(tx, execution, "pause", {"reason": request.reason})
            return True

        return await self._changed(request.id, pause)

    async def resume(self, request: io_pb2.ResumeAgentExecutionInput) -> Any:
        """Let a paused run go on. A run that goes on already is left as it is."""

        def resume(tx: Transaction, execution: Any) -> bool:
            if execution.status.phase in DECIDABLE:
                return False
            require_phase(execution.status.phase, frozenset({pb.EXECUTION_PAUSED}), "resume")
            execution.status.phase = _going_on(execution.status)
            self._signal(tx, execution, "resume", {})
            return True

        return await self._changed(request.id, resume)

    async def recover(self, request: io_pb2.RecoverAgentExecutionInput) -> Any:
        """Start a failed run again, with its session and its variables. One that goes on already is left as it is."""

        def recover(tx: Transaction, execution: Any) -> bool:
            if execution.status.phase in RUNNING:
                return False
            require_phase(execution.status.phase, frozenset({pb.EXECUTION_FAILED}), "recover")
            engine = self._executions.gate.require_reachable()
            count = int(execution.metadata.labels.get(_RECOVERIES, "0")) + 1
            execution.metadata.labels[_RECOVERIES] = str(count)
            execution.status.phase = pb.EXECUTION_PENDING
            execution.status.ClearField("error")
            execution.status.ClearField("completed_at")
            engine.start(tx, Run(_run_id(execution), RUNNER, {"id": execution.metadata.id, "recovery": count}))
            return True

        return await self._changed(request.id, recover)

    async def upload_attachment(self, request: io_pb2.UploadAttachmentRequest) -> io_pb2.UploadAttachmentResponse:
        """Keep a file for a run to come; dropped after a week without one."""
        return await self._files.upload(request)

    async def _changed(self, execution_id: str, change: Callable[[Transaction, Any], bool]) -> Any:
        def run(tx: Transaction) -> Any:
            execution = self._resources.get_in(tx, self._kind, execution_id)
            if not change(tx, execution):
                return execution
            return self._resources.save_in(tx, self._kind, execution)

        return await self._resources.store.run(run)

    def _stop(self, tx: Transaction, execution: Any, phase: Any, reason: str) -> bool:
        status, now = execution.status, wire_time(tx.now)
        if status.phase == phase:
            return False
        cancelling = phase == pb.EXECUTION_CANCELLED
        require_phase(status.phase, ACTIVE, "cancel" if cancelling else "terminate")
        status.phase, status.completed_at = phase, now
        status.error = reason if cancelling else f"Terminated: {reason}"
        settle(status, now)
        _approvals.withdraw_approvals(execution, now)
        add_notice(
            status, f"Execution {'cancelled' if cancelling else 'terminated'}" + (f": {reason}" if reason else ""), now
        )
        close_context(tx, self._resources, execution.metadata.id)
        if self._executions.gate.engine is not None:
            self._executions.gate.engine.cancel(tx, _run_id(execution), reason)
        return True

    def _decided(self, tx: Transaction, execution: Any, changed: bool) -> bool:  # noqa: FBT001 - what a decision returned
        """Let the run go on once nothing waits for a person any more."""
        status = execution.status
        if changed and not status.pending_approvals and not _reviews.reviews_pending(status):
            status.phase = pb.EXECUTION_IN_PROGRESS
            self._signal(tx, execution, "decided", {})
        return changed

    def _signal(self, tx: Transaction, execution: Any, name: str, payload: Any) -> None:
        engine = self._executions.gate.require_reachable()
        engine.signal(tx, _run_id(execution), name, payload)


def _going_on(status: Any) -> Any:
    waits = status.pending_approvals or _reviews.reviews_pending(status)
    return pb.EXECUTION_WAITING_FOR_APPROVAL if waits else pb.EXECUTION_IN_PROGRESS


def _run_id(execution: Any) -> str:
    """Return the id of the engine's run: a recovered execution is another run of the same resource."""
    count = execution.metadata.labels.get(_RECOVERIES, "")
    return f"{execution.metadata.id}/recovery-{count}" if count else str(execution.metadata.id)
