"""The status of a run: everything a runner reports is merged here, in one transaction."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.agentexecution.v1.io_pb2 import AgentExecutionUpdateStatusInput

from stigmer_core.resources import close_context
from stigmer_core.resources.codec import from_dict
from stigmer_plugin_agentexecution._approvals import refresh_approvals, withdraw_approvals
from stigmer_plugin_agentexecution._phases import STOPPED, TERMINAL
from stigmer_plugin_agentexecution._reviews import merge_change_sets
from stigmer_plugin_agentexecution._transcript import merge_transcript

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from stigmer_core.program import Json
    from stigmer_core.resources import Resources
    from stigmer_core.store import Transaction

KIND = "AgentExecution"
# What a report replaces when it has it. Approvals and the ledgers are computed here, decisions are people's.
_TEXTS = ("error", "started_at", "completed_at")
_MESSAGES = (
    "context_info",
    "setup_progress",
    "streaming_usage",
    "structured_output",
    "file_change_progress",
    "recalled_memories_report",
)
_LISTS = ("artifacts", "workspace_write_backs")
_RECOVERABLE = frozenset({pb.EXECUTION_FAILED})


def publish(tx: Transaction, resources: Resources, run_id: str, statuses: Sequence[Json]) -> None:
    """Merge what a run's program has published, in this order.

    Of an execution that was deleted meanwhile nothing is kept.
    """
    execution_id = run_id.partition("/")[0]  # a recovered run is `<id>/recovery-1`
    if tx.get(execution_id) is None:
        return
    for status in statuses:
        update = from_dict(status, AgentExecutionUpdateStatusInput())
        merge(tx, resources, execution_id, update.status)


def merge(tx: Transaction, resources: Resources, execution_id: str, reported: Any) -> Any:
    """Merge a reported status into the stored execution and return it.

    Nothing follows a terminal phase, and a run that was paused here is not put in progress by a late report.

    Raises:
        NotFoundError: there is no such execution.
    """
    kind = resources.kind(KIND)
    execution = resources.get_in(tx, kind, execution_id)
    current, now = execution.status, wire_time(tx.now)
    before = current.phase
    merge_transcript(current, reported)
    merge_change_sets(current, reported)
    _merge_parts(current, reported)
    if before not in TERMINAL:
        _merge_outcome(current, reported, tx.now)
    if current.phase in TERMINAL:
        withdraw_approvals(execution, now)
        if current.phase not in _RECOVERABLE:
            close_context(tx, resources, execution_id)
    else:
        refresh_approvals(execution, now)
    return resources.save_in(tx, kind, execution, slot="status_audit" if current.phase != before else None)


def control_signal(execution: Any) -> Any:
    """Return what a runner must do that has just reported: stop, when the run was stopped here."""
    stopped = execution.status.phase in STOPPED
    return pb.EXECUTION_CONTROL_SIGNAL_STOP if stopped else pb.EXECUTION_CONTROL_SIGNAL_UNSPECIFIED


def wire_time(moment: datetime) -> str:
    """Return a time as the API's text fields carry it: RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _merge_parts(current: Any, reported: Any) -> None:
    for name in _MESSAGES:
        if reported.HasField(name):
            getattr(current, name).CopyFrom(getattr(reported, name))
    for name in _LISTS:
        if getattr(reported, name):
            current.ClearField(name)
            getattr(current, name).extend(getattr(reported, name))
    for todo_id, todo in reported.todos.items():
        current.todos[todo_id].CopyFrom(todo)


def _merge_outcome(current: Any, reported: Any, now: datetime) -> None:
    phase = reported.phase or current.phase
    if current.phase == pb.EXECUTION_PAUSED and phase not in TERMINAL:
        phase = current.phase
    current.phase = phase
    for name in _TEXTS:
        if getattr(reported, name):
            setattr(current, name, getattr(reported, name))
    if phase not in (pb.EXECUTION_PHASE_UNSPECIFIED, pb.EXECUTION_PENDING) and not current.started_at:
        current.started_at = wire_time(now)
    if phase in TERMINAL and not current.completed_at:
        current.completed_at = wire_time(now)
