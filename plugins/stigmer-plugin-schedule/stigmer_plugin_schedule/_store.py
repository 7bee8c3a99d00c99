"""The SQL of this plugin's own tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.schedule.v1 import io_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.store import Reader, Transaction

KEPT_RUNS = 1_000  # of each schedule
OPEN_RUNS = 1_000  # looked at in one go

_PUT_ENTRY = "INSERT OR IGNORE INTO schedule_entry (schedule_id, org, agent_org, agent_slug) VALUES (?, ?, ?, ?)"
_NEXT_GENERATION = "UPDATE schedule_entry SET generation = generation + 1 WHERE schedule_id = ? RETURNING generation"
_BY_AGENT = "FROM schedule_entry WHERE agent_org = ?1 AND agent_slug = ?2 AND (?3 = '' OR org = ?3)"
_INSERT_RUN = (
    "INSERT OR IGNORE INTO schedule_run (schedule_id, due, origin, outcome, reason, execution_id, recorded_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING number"
)
_TRIM = (
    "DELETE FROM schedule_run WHERE schedule_id = ?1 AND number <= "
    "(SELECT number FROM schedule_run WHERE schedule_id = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)"
)
_RUNS = (
    "SELECT due, origin, outcome, reason, execution_id, recorded_at, completed_at FROM schedule_run "
    "WHERE schedule_id = ? ORDER BY number DESC LIMIT ? OFFSET ?"
)
_OPEN = "SELECT number, schedule_id, execution_id FROM schedule_run WHERE outcome = 1 ORDER BY number LIMIT ?"
_END_RUN = (
    "UPDATE schedule_run SET outcome = ?, reason = ?, completed_at = ? WHERE number = ? AND execution_id = ? "
    "AND outcome = 1 RETURNING number"
)


@dataclass(frozen=True, slots=True)
class Fired:
    """One time that a schedule was due or triggered, and what came of it."""

    due: datetime
    origin: int
    outcome: int
    reason: str = ""
    execution_id: str = ""


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run whose end is not known yet."""

    number: int
    schedule_id: str
    execution_id: str


def put_entry(tx: Transaction, schedule: Any) -> None:
    """Note a schedule and the agent it runs; neither changes."""
    agent = schedule.spec.agent.agent_ref
    tx.execute(_PUT_ENTRY, (schedule.metadata.id, schedule.metadata.org, agent.org, agent.slug))


def forget(tx: Transaction, schedule_id: str) -> None:
    """Forget a schedule and its runs."""
    tx.execute("DELETE FROM schedule_entry WHERE schedule_id = ?", (schedule_id,))
    tx.execute("DELETE FROM schedule_run WHERE schedule_id = ?", (schedule_id,))


def generation_of(reader: Reader, schedule_id: str) -> int:
    """Return the generation of a schedule's timer; 0 before its first, and for a schedule that is gone."""
    rows = reader.execute("SELECT generation FROM schedule_entry WHERE schedule_id = ?", (schedule_id,))
    return int(rows[0][0]) if rows else 0


def next_generation(tx: Transaction, schedule_id: str) -> int:
    """Begin a generation and return it."""
    return int(tx.execute(_NEXT_GENERATION, (schedule_id,))[0][0])


def by_agent(reader: Reader, org: str, slug: str, own_org: str, *, limit: int, offset: int) -> tuple[list[str], int]:
    """Return ids of the schedules that run an agent, newest first, and how many there are.

    Args:
        reader: where.
        org: the agent's organisation.
        slug: the agent's slug.
        own_org: only schedules of this organisation; of every one when empty.
        limit: at most so many.
        offset: skip so many.
    """
    ids = reader.execute(
        f"SELECT schedule_id {_BY_AGENT} ORDER BY number DESC LIMIT ?4 OFFSET ?5",
        (org, slug, own_org, limit, offset),
    )
    total = reader.execute(f"SELECT count(*) {_BY_AGENT}", (org, slug, own_org))[0][0]
    return [str(schedule_id) for (schedule_id,) in ids], int(total)


def is_recorded(reader: Reader, schedule_id: str, due: datetime) -> bool:
    """Return whether something is recorded for a time that the cron expression named."""
    sql = "SELECT 1 FROM schedule_run WHERE schedule_id = ? AND due = ? AND origin = 1"
    return bool(reader.execute(sql, (schedule_id, _text(due))))


def add_run(tx: Transaction, schedule_id: str, fired: Fired) -> bool:
    """Record a run, and drop the oldest ones; return False when that time is recorded already."""
    row = (schedule_id, _text(fired.due), fired.origin, fired.outcome, fired.reason, fired.execution_id, _text(tx.now))
    if not tx.execute(_INSERT_RUN, row):
        return False
    tx.execute(_TRIM, (schedule_id, KEPT_RUNS))
    return True


def runs(reader: Reader, schedule_id: str, *, limit: int, offset: int) -> list[io_pb2.ScheduleRun]:
    """Return runs of a schedule, the latest record first."""
    return [_message(schedule_id, row) for row in reader.execute(_RUNS, (schedule_id, limit, offset))]


def count_runs(reader: Reader, schedule_id: str) -> int:
    """Return how many runs of a schedule are kept."""
    return int(reader.execute("SELECT count(*) FROM schedule_run WHERE schedule_id = ?", (schedule_id,))[0][0])


def open_runs(reader: Reader) -> list[OpenRun]:
    """Return the runs whose end is not known yet, the oldest first."""
    return [OpenRun(*row) for row in reader.execute(_OPEN, (OPEN_RUNS,))]


def end_run(tx: Transaction, run: OpenRun, *, outcome: int, reason: str, completed_at: datetime) -> bool:
    """Record the end of a run; return False when it has one, or is not kept any more."""
    return bool(tx.execute(_END_RUN, (outcome, reason, _text(completed_at), run.number, run.execution_id)))


def _message(schedule_id: str, row: Sequence[Any]) -> io_pb2.ScheduleRun:
    due, origin, outcome, reason, execution_id, recorded_at, completed_at = row
    run = io_pb2.ScheduleRun(
        schedule_id=schedule_id, origin=origin, outcome=outcome, reason=reason, execution_id=execution_id
    )
    run.nominal_fire_time.FromDatetime(datetime.fromisoformat(due))
    run.recorded_at.FromDatetime(datetime.fromisoformat(recorded_at))
    if completed_at:
        run.completed_at.FromDatetime(datetime.fromisoformat(completed_at))
    return run


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
