"""The SQL of the engine's own tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from stigmer_core.errors import AlreadyExistsError
from stigmer_core.program_json import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stigmer_core.program import Json
    from stigmer_core.store import Reader, Transaction
    from stigmer_plugin_engine_local._claims import Claims

_INSERT_RUN = (
    "INSERT INTO engine_run (run_id, runner, input, asked_at, parent_id, parent_command) VALUES (?, ?, ?, ?, ?, ?)"
)
_LOAD = (
    "SELECT runner, input, asked_at, parent_id, parent_command, state, snapshot_sequence, outcome "
    "FROM engine_run WHERE run_id = ?"
)
_TAIL = "SELECT sequence, event, published FROM engine_journal WHERE run_id = ? AND sequence > ? ORDER BY sequence"
_APPEND = "INSERT INTO engine_journal (run_id, sequence, event, published) VALUES (?, ?, ?, ?)"
_WITH_MAIL = (
    "SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM engine_inbox WHERE engine_inbox.run_id = value)"
)
_WAITING = "SELECT run_id FROM engine_run WHERE outcome = '' AND started = 0 ORDER BY number LIMIT ?"
_BUSY = "SELECT run_id FROM engine_run WHERE outcome = '' AND started = 1 AND busy = 1 ORDER BY number"
_BEGIN = (
    "UPDATE engine_run SET started = 1, busy = ?2 WHERE run_id = ?1 AND outcome = '' AND snapshot_sequence = 0 "
    "RETURNING run_id"
)
_SNAPSHOT = "UPDATE engine_run SET state = ?, snapshot_sequence = ? WHERE run_id = ?"
_END = (
    "UPDATE engine_run SET outcome = ?1, reason = ?2, result = ?3, ended_at = ?4, started = 1, busy = 0, "
    "state = iif(?5, state, NULL), input = iif(?5, input, 'null') WHERE run_id = ?6 AND outcome = ''"
)
_REVIVE = (
    "UPDATE engine_run SET outcome = '', reason = '', result = NULL, ended_at = '', busy = 1 "
    "WHERE run_id = ? AND outcome IN ('failed', 'parked') RETURNING run_id"
)
_EXPIRED = "SELECT run_id FROM engine_run WHERE outcome <> '' AND ended_at < ? ORDER BY ended_at LIMIT ?"
# Where a run uses large values.
INPUT, SNAPSHOT, JOURNAL, INBOX, RESULT = "input", "snapshot", "journal", "inbox", "result"
_CLEAR = ("engine_journal", "engine_inbox", "engine_timer", "engine_signal")


Entry: TypeAlias = tuple[str, int, str, int]  # run id, sequence, event, 1 when all that the run published is shown


@dataclass(frozen=True, slots=True)
class Stored:
    """A run as it is in the store; `tail` are the events after the snapshot."""

    runner: str
    input: Json
    asked_at: datetime
    parent: tuple[str, str] = ("", "")
    snapshot: Json = None
    snapshot_sequence: int = 0
    outcome: str = ""
    tail: Sequence[Json] = ()
    published: int = 0  # the last event up to which everything that the run published is shown


def add_run(
    tx: Transaction,
    claims: Claims,
    run_id: str,
    runner: str,
    value: Json,
    *,
    parent: tuple[str, str] = ("", ""),
    written: str | None = None,
) -> bool:
    """Record a run to start, `written` is the JSON text of its input; return False when it is there already."""
    if outcome_of(tx, run_id) is not None:
        return False
    written = claims.kept(tx, run_id, INPUT, value, text(value) if written is None else written)
    tx.execute(_INSERT_RUN, (run_id, runner, written, tx.now.isoformat(), *parent))
    return True


def outcome_of(reader: Reader, run_id: str) -> str | None:
    """Return a run's outcome: empty while it runs, None when there is no such run."""
    rows = reader.execute("SELECT outcome FROM engine_run WHERE run_id = ?", (run_id,))
    return str(rows[0][0]) if rows else None


def load(reader: Reader, claims: Claims, run_id: str) -> Stored | None:
    """Return a run with its journal."""
    rows = reader.execute(_LOAD, (run_id,))
    if not rows:
        return None
    runner, value, asked_at, parent_id, parent_command, state, sequence, outcome = rows[0]
    entries = reader.execute(_TAIL, (run_id, sequence))
    return Stored(
        runner=runner,
        input=claims.restore(reader, value),
        asked_at=datetime.fromisoformat(asked_at),
        parent=(parent_id, parent_command),
        snapshot=claims.restore(reader, state) if state is not None else None,
        snapshot_sequence=sequence,
        outcome=outcome,
        tail=[claims.restore(reader, event) for _, event, _ in entries],
        published=max((number for number, _, published in entries if published), default=sequence),
    )


def waiting_runs(reader: Reader, limit: int) -> list[str]:
    """Return the runs that have not begun, the oldest first."""
    return [str(run_id) for (run_id,) in reader.execute(_WAITING, (limit,))]


def busy_runs(reader: Reader) -> list[str]:
    """Return the runs that have an activity outstanding or something in their inbox."""
    mail = reader.execute("SELECT DISTINCT run_id FROM engine_inbox")
    return list(dict.fromkeys(str(run_id) for (run_id,) in (*reader.execute(_BUSY), *mail)))


def timers(reader: Reader) -> list[tuple[str, str, datetime]]:
    """Return every timer: run id, command id, when it is due."""
    rows = reader.execute("SELECT run_id, command_id, due FROM engine_timer")
    return [(run_id, command_id, datetime.fromisoformat(due)) for run_id, command_id, due in rows]


def first_mail(reader: Reader, claims: Claims, run_id: str) -> tuple[int, Json] | None:
    """Return what others recorded for a run first: number, event."""
    rows = reader.execute("SELECT number, event FROM engine_inbox WHERE run_id = ? ORDER BY number LIMIT 1", (run_id,))
    return (rows[0][0], claims.restore(reader, rows[0][1])) if rows else None


def has_mail(reader: Reader, run_id: str) -> bool:
    """Return whether others recorded something for a run that is not in its journal yet."""
    return bool(reader.execute("SELECT 1 FROM engine_inbox WHERE run_id = ? LIMIT 1", (run_id,)))


def post(tx: Transaction, claims: Claims, run_id: str, event: Json) -> None:
    """Put an event into a run's inbox."""
    written = claims.keep(tx, run_id, INBOX, event)
    tx.execute("INSERT INTO engine_inbox (run_id, event) VALUES (?, ?)", (run_id, written))


def next_number(tx: Transaction) -> int:
    """Return a number that no earlier event in an inbox has."""
    return int(tx.execute("SELECT coalesce(max(number), 0) + 1 FROM engine_inbox")[0][0])


def remember_signal(tx: Transaction, run_id: str, signal_id: str) -> bool:
    """Return whether this signal is new to the run."""
    sql = "INSERT OR IGNORE INTO engine_signal (run_id, signal_id) VALUES (?, ?) RETURNING signal_id"
    return bool(tx.execute(sql, (run_id, signal_id)))


def with_mail(reader: Reader, run_ids: Iterable[str]) -> set[str]:
    """Return those of some runs for which others recorded something that is not in their journals yet."""
    return {str(run_id) for (run_id,) in reader.execute(_WITH_MAIL, (text(list(run_ids)),))}


def append(tx: Transaction, *entries: Entry) -> None:
    """Append to runs' journals; a sequence that is taken is an error: another engine drives the run."""
    tx.execute_many(_APPEND, entries)


def note_published(tx: Transaction, run_id: str, sequence: int) -> None:
    """Note that everything that a run published up to its last event is shown."""
    tx.execute("UPDATE engine_journal SET published = 1 WHERE run_id = ? AND sequence = ?", (run_id, sequence))


def take_mail(tx: Transaction, claims: Claims, run_id: str, number: int) -> None:
    """Remove an event from an inbox: it is in the journal now."""
    tx.execute("DELETE FROM engine_inbox WHERE number = ?", (number,))
    if not has_mail(tx, run_id):
        claims.release(tx, run_id, INBOX)


def begin(tx: Transaction, *runs: tuple[str, bool]) -> None:
    """Note that the first steps of runs are recorded, each with whether it has an activity outstanding.

    Raises:
        AlreadyExistsError: one of them had begun before: somebody else has driven it meanwhile.
    """
    if len(tx.execute_many(_BEGIN, runs)) < len(runs):
        raise AlreadyExistsError("a run has begun already")


def set_busy(tx: Transaction, run_id: str, *, busy: bool) -> None:
    """Note whether a run has an activity outstanding."""
    tx.execute("UPDATE engine_run SET busy = ? WHERE run_id = ?", (int(busy), run_id))


def add_timer(tx: Transaction, run_id: str, command_id: str, due: datetime) -> None:
    """Record a timer."""
    sql = "INSERT OR REPLACE INTO engine_timer (run_id, command_id, due) VALUES (?, ?, ?)"
    tx.execute(sql, (run_id, command_id, due.isoformat()))


def remove_timer(tx: Transaction, run_id: str, command_id: str) -> None:
    """Remove a timer that has fired or is not wanted any more."""
    tx.execute("DELETE FROM engine_timer WHERE run_id = ? AND command_id = ?", (run_id, command_id))


def fire(tx: Transaction, claims: Claims, run_id: str, command_id: str, event: Json) -> bool:
    """Put the event of a timer that fires into its run's inbox; return False when there is no such timer any more."""
    sql = "DELETE FROM engine_timer WHERE run_id = ? AND command_id = ? RETURNING run_id"
    is_there = bool(tx.execute(sql, (run_id, command_id)))
    if is_there:
        post(tx, claims, run_id, event)
    return is_there


def save_snapshot(tx: Transaction, claims: Claims, run_id: str, sequence: int, snapshot: Json) -> None:
    """Save a run as it is after an event, and forget the events that led there."""
    written = claims.renew(tx, run_id, SNAPSHOT, snapshot, instead_of=(SNAPSHOT, JOURNAL))
    tx.execute(_SNAPSHOT, (written, sequence, run_id))
    tx.execute("DELETE FROM engine_journal WHERE run_id = ? AND sequence <= ?", (run_id, sequence))


def end(tx: Transaction, claims: Claims, run_id: str, outcome: str, result: Json, *, reason: str = "") -> None:
    """Record how a run ended; its row stays for a while, so that it is not started again.

    A failed run keeps the state that was saved last, a parked one all that there is of it: they may be recovered.
    """
    written = claims.keep(tx, run_id, RESULT, result)
    recoverable = outcome in ("failed", "parked")
    tx.execute(_END, (outcome, reason, written, tx.now.isoformat(), recoverable, run_id))
    if outcome != "parked":
        clear(tx, claims, run_id, *(() if recoverable else (INPUT, SNAPSHOT)))


def clear(tx: Transaction, claims: Claims, run_id: str, *places: str) -> None:
    """Forget what a run had outstanding, and what it uses at other places."""
    claims.release(tx, run_id, JOURNAL, INBOX, *places)
    for table in _CLEAR:
        tx.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))  # noqa: S608 - a constant's names


def revive(tx: Transaction, claims: Claims, run_id: str) -> bool:
    """Let a failed or parked run go on; return False when it is neither."""
    revived = bool(tx.execute(_REVIVE, (run_id,)))
    if revived:
        claims.release(tx, run_id, RESULT)
    return revived


def drop_expired(tx: Transaction, claims: Claims, before: datetime, limit: int) -> int:
    """Forget runs that ended before a moment, the oldest first, and return how many; running ones never."""
    expired = [str(run_id) for (run_id,) in tx.execute(_EXPIRED, (before.isoformat(), limit))]
    for run_id in expired:
        clear(tx, claims, run_id, INPUT, SNAPSHOT, RESULT)
        tx.execute("DELETE FROM engine_run WHERE run_id = ?", (run_id,))
    return len(expired)
