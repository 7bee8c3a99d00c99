"""Seeing how the agent runs ended that schedules started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.agentexecution.v1 import enum_pb2
from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution
from ai.stigmer.agentic.schedule.v1 import io_pb2

from stigmer_plugin_schedule import _store

if TYPE_CHECKING:
    from stigmer_core.store import Reader
    from stigmer_plugin_schedule._store import OpenRun

_FAILED = io_pb2.SCHEDULE_RUN_OUTCOME_FAILED
_STOPPED = {enum_pb2.EXECUTION_CANCELLED: "cancelled", enum_pb2.EXECUTION_TERMINATED: "terminated"}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. `counts` is false where somebody stopped or deleted it: that says nothing of the schedule."""

    run: OpenRun
    outcome: int
    reason: str = ""
    at: datetime | None = None
    counts: bool = True


def ended_runs(reader: Reader) -> list[Ended]:
    """Return the runs that have ended since this was last recorded."""
    found = [_ended(reader, run) for run in _store.open_runs(reader)]
    return [one for one in found if one is not None]


def _ended(reader: Reader, run: OpenRun) -> Ended | None:
    row = reader.get(run.execution_id)
    if row is None:
        return Ended(run, _FAILED, "the agent run was deleted", counts=False)
    status: Any = AgentExecution.FromString(row.body).status
    at = _moment(status.completed_at)
    if status.phase == enum_pb2.EXECUTION_COMPLETED:
        return Ended(run, io_pb2.SCHEDULE_RUN_OUTCOME_COMPLETED, at=at)
    if status.phase == enum_pb2.EXECUTION_FAILED:
        return Ended(run, _FAILED, status.error or "the agent run failed", at=at)
    if status.phase in _STOPPED:
        return Ended(run, _FAILED, f"the agent run was {_STOPPED[status.phase]}", at=at, counts=False)
    return None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
