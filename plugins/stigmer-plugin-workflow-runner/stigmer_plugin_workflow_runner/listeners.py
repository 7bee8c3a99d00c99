"""The SQL of who listens to which events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.events import ANY_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stigmer_core.store import Reader, Transaction

_ADD = "INSERT OR IGNORE INTO workflow_listener (org, event_type, run_id) VALUES (?, ?, ?)"
_DROP = "DELETE FROM workflow_listener WHERE run_id = ?"
_FIND = (
    "SELECT DISTINCT run_id FROM workflow_listener "
    "WHERE org = ?1 AND event_type IN (?2, ?3) AND run_id > ?4 ORDER BY run_id LIMIT ?5"
)
_TYPES = "SELECT DISTINCT event_type FROM workflow_listener WHERE org = ? AND event_type BETWEEN ? AND ?"
_RUNS = "SELECT DISTINCT run_id FROM workflow_listener WHERE run_id > ? ORDER BY run_id LIMIT ?"


def add(tx: Transaction, org: str, run_id: str, types: Iterable[str]) -> None:
    """Note the types of event that a run listens to; twice is once."""
    for event_type in types:
        tx.execute(_ADD, (org, event_type, run_id))


def drop(tx: Transaction, run_ids: Iterable[str]) -> None:
    """Forget that runs listen."""
    for run_id in run_ids:
        tx.execute(_DROP, (run_id,))


def find(reader: Reader, org: str, event_type: str, *, after: str, limit: int, only: bool = False) -> list[str]:
    """Return the runs that an event is for, in the order of their ids, from the one after `after` on.

    Args:
        reader: where.
        org: the organisation.
        event_type: the event's type.
        after: a run id, or nothing.
        limit: at most so many.
        only: leave out those that listen to any type.
    """
    rows = reader.execute(_FIND, (org, event_type, event_type if only else ANY_TYPE, after, limit))
    return [str(run_id) for (run_id,) in rows]


def types_under(reader: Reader, org: str, prefix: str) -> set[str]:
    """Return the types that begin with a prefix and that some run listens to."""
    return {str(event_type) for (event_type,) in reader.execute(_TYPES, (org, prefix, f"{prefix}\U0010ffff"))}


def runs(reader: Reader, *, after: str, limit: int) -> list[str]:
    """Return runs that listen to anything, in the order of their ids, from the one after `after` on."""
    return [str(run_id) for (run_id,) in reader.execute(_RUNS, (after, limit))]
