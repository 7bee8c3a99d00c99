"""The phases of an execution: which end it, and what may follow which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2 as pb

from stigmer_core.errors import FailedPreconditionError

if TYPE_CHECKING:
    from stigmer_core import Change

TERMINAL = frozenset({pb.EXECUTION_COMPLETED, pb.EXECUTION_FAILED, pb.EXECUTION_CANCELLED, pb.EXECUTION_TERMINATED})
RUNNING = frozenset({pb.EXECUTION_PENDING, pb.EXECUTION_IN_PROGRESS})
STOPPABLE = RUNNING | {pb.EXECUTION_PAUSED}


def phase_name(phase: int) -> str:
    """Return the phase's name in the API."""
    return str(pb.ExecutionPhase.Name(phase))  # type: ignore[arg-type]


def require_phase(phase: int, allowed: frozenset[int], doing: str) -> None:
    """Check that something may be done in a phase.

    Raises:
        FailedPreconditionError: names the phase and those that would do.
    """
    if phase not in allowed:
        names = ", ".join(sorted(map(phase_name, allowed)))
        raise FailedPreconditionError(f"cannot {doing} an execution in {phase_name(phase)}: it must be in {names}")


def require_same_spec(change: Change) -> None:
    """Refuse to change what an execution was started with (a `before_write` step).

    Raises:
        FailedPreconditionError: its spec would be another one.
    """
    if change.old is not None and change.new.spec != change.old.spec:
        raise FailedPreconditionError(
            f"the spec of execution {change.old.metadata.id} cannot change once it runs: start another one"
        )


def require_ended(change: Change) -> None:
    """Refuse to delete an execution whose run still acts (a `before_delete` step).

    Raises:
        FailedPreconditionError: it has not ended.
    """
    phase = change.old.status.phase
    if phase in STOPPABLE:
        raise FailedPreconditionError(
            f"execution {change.old.metadata.id} is in {phase_name(phase)}: cancel it before deleting it"
        )
