"""What makes sessions special: what the first run settles stays, and the harness keeps its own history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.errors import FailedPreconditionError

if TYPE_CHECKING:
    from stigmer_core import Change

_SETTLED = ("harness", "execution_target")
_HISTORY = 100


def keep_what_is_settled(change: Change) -> None:
    """Check the agent instance and what a first run has settled; keep the history (a `before_write` step).

    Raises:
        NotFoundError: there is no such agent instance.
        FailedPreconditionError: harness or execution target would change after the first run.
    """
    old, new = change.old, change.new
    _require_instance(change)
    new.spec.ClearField("harness_state_id_history")
    if old is None:
        return
    new.spec.harness_state_id_history.extend(old.spec.harness_state_id_history)
    before = old.spec.harness_state_id
    if not before:
        return
    for name in _SETTLED:
        if getattr(new.spec, name) != getattr(old.spec, name):
            raise FailedPreconditionError(
                f"the {name} of session {old.metadata.id} cannot change after its first run: create another session"
            )
    if new.spec.harness_state_id != before:
        new.spec.harness_state_id_history.append(before)
        del new.spec.harness_state_id_history[:-_HISTORY]


def _require_instance(change: Change) -> None:
    instance_id = change.new.spec.agent_instance_id
    unchanged = change.old is not None and change.old.spec.agent_instance_id == instance_id
    kind: Any = change.resources.kinds.get("AgentInstance")
    if instance_id and not unchanged and kind is not None:
        change.resources.row_in(change.tx, kind, instance_id)
