"""Who wrote a resource and when: the two slots of `status.audit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

Slot = Literal["spec_audit", "status_audit"]


def stamp_created(resource: Any, actor: str, now: datetime) -> None:
    """Fill both slots of a new resource alike."""
    audit = _audit(resource)
    if audit is None:
        return
    for slot in ("spec_audit", "status_audit"):
        info = getattr(audit, slot)
        info.Clear()
        info.created_by.id = info.updated_by.id = actor
        info.created_at.FromDatetime(now)
        info.updated_at.FromDatetime(now)
        info.event = "created"


def stamp_updated(resource: Any, slot: Slot, actor: str, now: datetime) -> None:
    """Mark one slot as updated; who created the resource stays."""
    audit = _audit(resource)
    if audit is None:
        return
    info = getattr(audit, slot)
    info.updated_by.Clear()
    info.updated_by.id = actor
    info.updated_at.FromDatetime(now)
    info.event = "updated"


def reset_status_slot(resource: Any, actor: str, now: datetime) -> None:
    """Fill the status slot anew, as an update of the definition does."""
    audit = _audit(resource)
    if audit is not None:
        audit.status_audit.Clear()
        audit.status_audit.created_by.id = actor
        audit.status_audit.created_at.FromDatetime(now)
        stamp_updated(resource, "status_audit", actor, now)


def _audit(resource: Any) -> Any:
    fields = resource.DESCRIPTOR.fields_by_name
    if "status" not in fields or "audit" not in fields["status"].message_type.fields_by_name:
        return None
    return resource.status.audit
