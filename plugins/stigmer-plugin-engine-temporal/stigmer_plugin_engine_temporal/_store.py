"""The SQL of the engine's own tables."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from stigmer_core.program_json import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.program import Json
    from stigmer_core.store import Reader, Transaction

_ADD_RUN = "INSERT OR IGNORE INTO temporal_run (run_id, runner) VALUES (?, ?) RETURNING run_id"
_SEND = "INSERT INTO temporal_outbox (run_id, action, body, asked_at) VALUES (?, ?, ?, ?)"
_NEXT = (
    "UPDATE temporal_run SET last_number = max(last_number + 1, CAST(? AS INTEGER)) WHERE run_id = ? "
    "RETURNING last_number"
)
_END = (
    "UPDATE temporal_run SET outcome = ?, reason = ?, kept = ?, ended_at = ? WHERE run_id = ? AND outcome = '' "
    "RETURNING asleep_until"
)
_END_CHILDREN = (
    "UPDATE temporal_run SET outcome = 'ended', ended_at = ?1 WHERE outcome = '' AND run_id > ?2 || '/' "
    "AND run_id < ?2 || '0'"  # "0" comes after "/"
)
_REVIVE = (
    "UPDATE temporal_run SET outcome = '', reason = '', ended_at = '' "
    "WHERE run_id = ? AND outcome IN ('failed', 'parked') AND kept IS NOT NULL RETURNING run_id"
)
_SLEEP = "UPDATE temporal_run SET asleep_until = ?, kept = ? WHERE run_id = ? AND outcome = '' RETURNING run_id"
_AWAKE = "UPDATE temporal_run SET asleep_until = 'awake' WHERE run_id = ? AND outcome = ''"
_ASLEEP = (
    "SELECT asleep_until, kept FROM temporal_run "
    "WHERE run_id = ? AND outcome = '' AND asleep_until NOT IN ('', 'awake')"
)
_OVERSLEPT = (
    "SELECT run_id FROM temporal_run "
    "WHERE outcome = '' AND datetime(asleep_until) < datetime(?) "
    "AND NOT EXISTS (SELECT 1 FROM temporal_outbox o WHERE o.run_id = temporal_run.run_id) LIMIT ?"
)
_EXPIRED = "SELECT run_id FROM temporal_run WHERE outcome <> '' AND ended_at < ? ORDER BY ended_at LIMIT ?"
_OUTBOX = (
    "SELECT o.number, o.run_id, r.runner, o.action, o.body, o.asked_at, r.outcome FROM temporal_outbox o "
    "JOIN temporal_run r USING (run_id) ORDER BY o.number LIMIT ?"
)
_CLEAR = ("temporal_signal", "temporal_published")


class Sending(NamedTuple):
    """Something that Temporal has to be told."""

    number: int
    run_id: str
    runner: str
    action: str
    body: Json
    asked_at: datetime
    outcome: str  # of the run, by now


def add_run(tx: Transaction, run_id: str, runner: str) -> bool:
    """Note a run; return False when it is there already."""
    return bool(tx.execute(_ADD_RUN, (run_id, runner)))


def outcome_of(reader: Reader, run_id: str) -> str | None:
    """Return a run's outcome: empty while it runs, None when there is no such run."""
    rows = reader.execute("SELECT outcome FROM temporal_run WHERE run_id = ?", (run_id,))
    return str(rows[0][0]) if rows else None


def send(tx: Transaction, run_id: str, action: str, body: Json) -> None:
    """Tell Temporal something, once this is committed."""
    tx.execute(_SEND, (run_id, action, text(body), tx.now.isoformat()))


def next_number(tx: Transaction, run_id: str) -> int:
    """Return the number of the next signal to a run: greater than any before, also after a backup was restored."""
    return int(tx.execute(_NEXT, (int(tx.now.timestamp() * 1_000_000), run_id))[0][0])


def remember_signal(tx: Transaction, run_id: str, signal_id: str) -> bool:
    """Return whether this signal is new to the run."""
    sql = "INSERT OR IGNORE INTO temporal_signal (run_id, signal_id) VALUES (?, ?) RETURNING signal_id"
    return bool(tx.execute(sql, (run_id, signal_id)))


def outbox(reader: Reader, limit: int) -> list[Sending]:
    """Return what Temporal has to be told, the oldest first."""
    return [
        Sending(number, run_id, runner, action, json.loads(body), datetime.fromisoformat(asked_at), outcome)
        for number, run_id, runner, action, body, asked_at, outcome in reader.execute(_OUTBOX, (limit,))
    ]


def sent(tx: Transaction, numbers: Sequence[int]) -> None:
    """Take what Temporal was told out of the outbox."""
    for number in numbers:
        tx.execute("DELETE FROM temporal_outbox WHERE number = ?", (number,))


def kept_of(reader: Reader, run_id: str) -> Json:
    """Return what a run that has failed goes on from, None when it is not kept."""
    rows = reader.execute("SELECT kept FROM temporal_run WHERE run_id = ?", (run_id,))
    return json.loads(rows[0][0]) if rows and rows[0][0] is not None else None


def end(tx: Transaction, run_id: str, outcome: str, reason: str, kept: Json) -> bool:
    """Record how a run ended; return False when that is known, or it is of another engine."""
    written = text(kept) if kept is not None else None
    ended = tx.execute(_END, (outcome, reason, written, tx.now.isoformat(), run_id))
    if not ended:
        return False
    if ended[0][0]:
        send(tx, run_id, "forget", {})
    tx.execute(_END_CHILDREN, (tx.now.isoformat(), run_id))
    for table in _CLEAR:
        tx.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))  # noqa: S608 - a constant's names
    return True


def put_to_sleep(tx: Transaction, run_id: str, until: str, kept: Json) -> None:
    """Note until when a run sleeps and what it goes on from, to be told to Temporal, unless it has ended."""
    if tx.execute(_SLEEP, (until, text(kept), run_id)):
        send(tx, run_id, "sleep", {})


def wake(tx: Transaction, run_id: str) -> None:
    """Let a run that sleeps be looked after: its time has come."""
    if asleep(tx, run_id) is not None:
        send(tx, run_id, "sleep", {})


def note_awake(tx: Transaction, run_id: str) -> None:
    """Note that a run goes on in Temporal."""
    tx.execute(_AWAKE, (run_id,))


def wake_overslept(tx: Transaction, before: datetime, limit: int) -> None:
    """Let runs be woken that should have been before a moment: somebody has removed what was to wake them."""
    for (run_id,) in tx.execute(_OVERSLEPT, (before.isoformat(), limit)):
        send(tx, run_id, "sleep", {})


def asleep(reader: Reader, run_id: str) -> tuple[datetime, Json] | None:
    """Return until when a run sleeps and what it goes on from, None when it does not."""
    rows = reader.execute(_ASLEEP, (run_id,))
    return (datetime.fromisoformat(rows[0][0]), json.loads(rows[0][1])) if rows else None


def revive(tx: Transaction, run_id: str) -> bool:
    """Let a failed or parked run go on; return False when it is neither."""
    return bool(tx.execute(_REVIVE, (run_id,)))


def runner_of(reader: Reader, run_id: str) -> str | None:
    """Return the runner of a run, None when there is no such run."""
    rows = reader.execute("SELECT runner FROM temporal_run WHERE run_id = ?", (run_id,))
    return str(rows[0][0]) if rows else None


def may_go_on(reader: Reader, run_id: str) -> bool:
    """Return whether a run goes on, or may be recovered."""
    sql = "SELECT 1 FROM temporal_run WHERE run_id = ? AND (outcome = '' OR kept IS NOT NULL)"
    return bool(reader.execute(sql, (run_id,)))


def running(reader: Reader, *, after: str, limit: int) -> list[tuple[str, str]]:
    """Return runs that have not ended and do not sleep, and children of them: run id and runner, in order."""
    sql = (
        "SELECT run_id, runner FROM temporal_run WHERE outcome = '' AND asleep_until IN ('', 'awake') AND run_id > ? "
        "AND NOT EXISTS (SELECT 1 FROM temporal_outbox o WHERE o.run_id = temporal_run.run_id) ORDER BY run_id LIMIT ?"
    )
    return [(str(run_id), str(runner)) for run_id, runner in reader.execute(sql, (after, limit))]


def drop_expired(tx: Transaction, before: datetime, limit: int) -> int:
    """Forget runs that ended before a moment, the oldest first, and return how many; running ones never."""
    expired = [str(run_id) for (run_id,) in tx.execute(_EXPIRED, (before.isoformat(), limit))]
    for run_id in expired:
        for table in (*_CLEAR, "temporal_outbox", "temporal_run"):
            tx.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))  # noqa: S608 - a constant's names
    return len(expired)


def published_from(tx: Transaction, run_id: str, sequence: int) -> list[str]:
    """Return the digests of what an execution that was lost has published from a position on, and forget them."""
    sql = "DELETE FROM temporal_published WHERE run_id = ? AND sequence >= ? RETURNING sequence, digest"
    return [str(digest) for _, digest in sorted(tx.execute(sql, (run_id, sequence)))]


def note_published(tx: Transaction, run_id: str, sequence: int, digest: str) -> None:
    """Note what a run has published."""
    sql = "INSERT OR REPLACE INTO temporal_published (run_id, sequence, digest) VALUES (?, ?, ?)"
    tx.execute(sql, (run_id, sequence, digest))


def forget_published(tx: Transaction, run_id: str, before: int) -> None:
    """Forget what a run published before a position: no execution goes back that far."""
    tx.execute("DELETE FROM temporal_published WHERE run_id = ? AND sequence < ?", (run_id, before))
