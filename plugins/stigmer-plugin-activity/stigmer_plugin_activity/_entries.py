"""What a session or a run looks like in the list of recent activity."""

from __future__ import annotations

from typing import Any

from ai.stigmer.activity.v1.io_pb2 import RecentActivityEntry

# Whoever started such a session has a list of their own: the channel, the shared link, the visitor, the schedule.
STARTED_ELSEWHERE = frozenset(
    {"stigmer.ai/channel-id", "stigmer.ai/share-id", "stigmer.ai/guest-cookie-id", "stigmer.ai/schedule-id"}
)
_NO_SUBJECTS = ("", "Auto-created session")


def session_entry(session: Any) -> RecentActivityEntry | None:
    """Return the entry of a session, or None for one that no person started."""
    if STARTED_ELSEWHERE & set(session.metadata.labels):
        return None
    subject = session.spec.subject
    return _entry(session, "session", "Untitled session" if subject in _NO_SUBJECTS else subject)


def execution_entry(execution: Any) -> RecentActivityEntry:
    """Return the entry of a run of a workflow; its status is its phase: `in_progress`."""
    entry = _entry(execution, "workflow_execution", execution.metadata.name or "Untitled execution")
    phase = execution.status.DESCRIPTOR.fields_by_name["phase"].enum_type.values_by_number.get(execution.status.phase)
    if phase is not None and phase.number:
        entry.status = phase.name.removeprefix("EXECUTION_").lower()
    return entry


def _entry(resource: Any, kind: str, subject: str) -> RecentActivityEntry:
    entry = RecentActivityEntry(id=resource.metadata.id, type=kind, subject=subject)
    status_audit = resource.status.audit.status_audit
    if status_audit.HasField("updated_at"):
        entry.updated_at.CopyFrom(status_audit.updated_at)
    return entry
