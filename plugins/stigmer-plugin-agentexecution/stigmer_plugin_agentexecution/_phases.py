"""The phases of a run: which end it, and what may follow which."""

from __future__ import annotations

from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as pb

from stigmer_core.errors import FailedPreconditionError

TERMINAL = frozenset({pb.EXECUTION_COMPLETED, pb.EXECUTION_FAILED, pb.EXECUTION_CANCELLED, pb.EXECUTION_TERMINATED})
ACTIVE = frozenset(
    {pb.EXECUTION_PENDING, pb.EXECUTION_IN_PROGRESS, pb.EXECUTION_WAITING_FOR_APPROVAL, pb.EXECUTION_PAUSED}
)
RUNNING = ACTIVE - {pb.EXECUTION_PAUSED}
DECIDABLE = frozenset({pb.EXECUTION_IN_PROGRESS, pb.EXECUTION_WAITING_FOR_APPROVAL})
STOPPED = frozenset({pb.EXECUTION_PAUSED, pb.EXECUTION_CANCELLED, pb.EXECUTION_TERMINATED})


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
