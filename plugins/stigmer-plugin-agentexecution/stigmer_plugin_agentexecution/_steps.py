"""What makes runs of agents special: they stay what they were started as, and end before they are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_core.errors import FailedPreconditionError, InvalidArgumentError
from stigmer_plugin_agentexecution._phases import ACTIVE, phase_name
from stigmer_plugin_agentexecution._store import forget_uses

if TYPE_CHECKING:
    from stigmer_core import Change

_FIXED = ("session_id", "agent_id", "message", "supersedes_execution_id", "parent_workflow_id")


def check_write(change: Change) -> None:
    """Check that an update leaves what the run was started with (a `before_write` step).

    Raises:
        FailedPreconditionError: it names another session, agent or message.
        InvalidArgumentError: it brings variables, which are taken at the start only.
    """
    old, new = change.old, change.new
    if old is None:
        return
    for name in _FIXED:
        if getattr(new.spec, name) != getattr(old.spec, name):
            raise FailedPreconditionError(f"the {name} of execution {old.metadata.id} cannot change: start another one")
    if new.spec.runtime_env or new.spec.HasField("session_spec"):
        raise InvalidArgumentError("runtime_env and session_spec are taken when an execution is created only")


def require_ended(change: Change) -> None:
    """Refuse to delete a run that still acts, and let go of its files (a `before_delete` step).

    Raises:
        FailedPreconditionError: it has not ended.
    """
    phase = change.old.status.phase
    if phase in ACTIVE:
        raise FailedPreconditionError(
            f"execution {change.old.metadata.id} is in {phase_name(phase)}: cancel it before deleting it"
        )
    forget_uses(change.tx, change.old.metadata.id)
