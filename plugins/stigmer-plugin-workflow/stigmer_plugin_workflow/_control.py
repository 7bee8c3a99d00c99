"""What a run is told while it goes on: pause, resume, recover, and signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, event_pb2

from stigmer_core.errors import FailedPreconditionError, NotFoundError
from stigmer_core.resources.codec import to_dict
from stigmer_core.server import current_caller
from stigmer_plugin_workflow._phases import RUNNING, STOPPABLE, require_phase
from stigmer_plugin_workflow._status import append_events, wire_time

if TYPE_CHECKING:
    from ai.stigmer.agentic.workflowexecution.v1 import io_pb2

    from stigmer_core.store import Transaction
    from stigmer_plugin_workflow._creation import Executions


def pause(executions: Executions, tx: Transaction, execution: Any, reason: str) -> bool:
    """Put a run on hold; return False when it is already.

    Raises:
        FailedPreconditionError: it has ended, or the engine is away.
    """
    if execution.status.phase == enum_pb2.EXECUTION_PAUSED:
        return False
    require_phase(execution.status.phase, RUNNING, "pause")
    executions.tell(tx, execution.metadata.id, "pause", {"reason": reason})
    execution.status.phase = enum_pb2.EXECUTION_PAUSED
    event = _event(event_pb2.execution_paused, tx)
    event.execution_paused.reason, event.execution_paused.paused_by = reason, current_caller().name
    append_events(tx, execution.metadata.id, [event])
    return True


def resume(executions: Executions, tx: Transaction, execution: Any) -> bool:
    """Let a run go on; return False when it does already.

    Raises:
        FailedPreconditionError: it has ended, or the engine is away.
    """
    if execution.status.phase in RUNNING:
        return False
    require_phase(execution.status.phase, frozenset({enum_pb2.EXECUTION_PAUSED}), "resume")
    executions.tell(tx, execution.metadata.id, "resume", {})
    execution.status.phase = enum_pb2.EXECUTION_IN_PROGRESS
    event = _event(event_pb2.execution_resumed, tx)
    event.execution_resumed.resumed_by = current_caller().name
    append_events(tx, execution.metadata.id, [event])
    return True


def recover(executions: Executions, tx: Transaction, execution: Any) -> bool:
    """Let a failed run go on from the task that failed; return False when it goes on already.

    Raises:
        FailedPreconditionError: it did not fail, is not kept any more, or the engine is away.
    """
    if execution.status.phase in RUNNING:
        return False
    require_phase(execution.status.phase, frozenset({enum_pb2.EXECUTION_FAILED}), "recover")
    try:
        executions.gate.require_reachable().recover(tx, execution.metadata.id)
    except NotFoundError:
        text = f"execution {execution.metadata.id} is not kept any more, or another engine has it: start another one"
        raise FailedPreconditionError(text) from None
    for name in ("error", "completed_at"):
        execution.status.ClearField(name)
    execution.status.phase = enum_pb2.EXECUTION_IN_PROGRESS
    return True


def send_signal(executions: Executions, tx: Transaction, execution: Any, request: io_pb2.SendSignalInput) -> None:
    """Send a run a signal; the same idempotency key twice is one signal.

    Raises:
        FailedPreconditionError: it has ended, or the engine is away.
    """
    require_phase(execution.status.phase, STOPPABLE, "send a signal to")
    payload = to_dict(request.payload) if request.HasField("payload") else {}
    key = f"signal:{execution.metadata.id}:{request.idempotency_key}" if request.idempotency_key else ""
    if key and tx.recall(key) is not None:
        return
    executions.tell(
        tx,
        execution.metadata.id,
        "signal",
        {"name": request.signal_name, "payload": payload},
        signal_id=request.idempotency_key,
    )
    event = _event(event_pb2.signal_received, tx)
    event.signal_received.signal_name = request.signal_name
    event.signal_received.payload_summary.CopyFrom(request.payload)
    append_events(tx, execution.metadata.id, [event])
    if key:
        tx.remember(key, b"")


def _event(kind: Any, tx: Transaction) -> event_pb2.WorkflowExecutionEvent:
    return event_pb2.WorkflowExecutionEvent(event_type=kind, occurred_at=wire_time(tx.now))
