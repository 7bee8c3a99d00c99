"""What makes memories special: consent of the organization, an origin that stays, and a ceiling for each subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.memory.v1.enum_pb2 import lifecycle_state_proposed

from stigmer_core.errors import FailedPreconditionError, Problem, ResourceExhaustedError
from stigmer_plugin_memory._store import add_place, count_places, remove_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core import Change, Draft

MOST_PER_SUBJECT = 200  # of 500 characters each: a model can still be told all of them at once


def check_memory(draft: Draft) -> Sequence[Problem]:
    """Return what is wrong with a memory that has no spec, which the rules of the proto let pass."""
    if draft.resource.spec.content:
        return []
    return [Problem("/spec/content", "is required", "a fact in 1 to 500 characters")]


def settle_memory(change: Change) -> None:
    """Propose a new memory, or keep the origin of a stored one (a `before_write` step)."""
    if change.old is not None:
        _keep_origin(change.old, change.new)
        return
    memory = change.new
    _require_consent(change, memory.metadata.org)
    memory.spec.subject_identity_account_id = memory.spec.subject_identity_account_id or change.actor
    _require_place(change, memory.metadata.org, memory.spec.subject_identity_account_id)
    memory.status.lifecycle_state = lifecycle_state_proposed
    memory.status.state_changed_at.FromDatetime(change.now)


def take_place(change: Change) -> None:
    """Count a new memory against its subject's ceiling (an `after_write` step)."""
    if change.old is None:
        metadata = change.new.metadata
        add_place(change.tx, metadata.id, metadata.org, change.new.spec.subject_identity_account_id)


def forget_place(change: Change) -> None:
    """Stop counting a memory that goes (a `before_delete` step)."""
    remove_place(change.tx, change.old.metadata.id)


def _require_consent(change: Change, org: str) -> None:
    """Fail closed: whatever keeps the preference from being read means that memory is off."""
    kind = change.resources.kinds.get("Organization")
    organization = None if kind is None else change.resources.find_in(change.tx, kind, "", org)
    if organization is None:
        raise FailedPreconditionError(
            f"organization '{org}' not found, so memory is off for it:"
            " create it with spec.preferences.memory_enabled set to true"
        )
    if not organization.spec.preferences.memory_enabled:
        raise FailedPreconditionError(
            f"memory is off for organization '{org}': set spec.preferences.memory_enabled of the organization to true"
        )


def _require_place(change: Change, org: str, subject: str) -> None:
    if count_places(change.tx, org, subject) >= MOST_PER_SUBJECT:
        raise ResourceExhaustedError(
            f"subject '{subject}' has {MOST_PER_SUBJECT} memories in organization '{org}', which is the most:"
            " reject or delete some first"
        )


def _keep_origin(old: Any, new: Any) -> None:
    """Restore what an update left out of a memory's origin, and refuse what it would change.

    Raises:
        FailedPreconditionError: names the field.
    """
    spec = new.spec
    spec.subject_identity_account_id = spec.subject_identity_account_id or old.spec.subject_identity_account_id
    if old.spec.HasField("provenance") and not spec.provenance.ListFields():
        spec.provenance.CopyFrom(old.spec.provenance)
    for field in ("subject_identity_account_id", "provenance"):
        if getattr(spec, field) != getattr(old.spec, field):
            raise FailedPreconditionError(
                f"spec.{field} of memory {old.metadata.id} cannot change: create another memory instead"
            )
