"""Lifecycle events: told in the transaction that stores what happened, to the runs that listen for their very types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.errors import FailedPreconditionError, NotFoundError
from stigmer_plugin_workflow_runner import listeners
from stigmer_plugin_workflow_runner.program.lifecycle import PREFIX, lifecycle_events

if TYPE_CHECKING:
    from stigmer_core.program import Engine
    from stigmer_core.store import Transaction

MOST_LISTENERS = 1_000  # of one type; they get it in one transaction


def announce(tx: Transaction, engine: Engine, org: str, run_id: str, lifecycle: dict[str, Any]) -> None:
    """Tell what has happened to a run. A filter without a constant type gets none, or it would get everything."""
    wanted = listeners.types_under(tx, org, PREFIX)
    if not wanted:
        return
    for event in lifecycle_events(run_id, lifecycle):
        if event["type"] not in wanted:
            continue
        for listener in listeners.find(tx, org, event["type"], after="", limit=MOST_LISTENERS, only=True):
            if listener == run_id:
                continue
            try:
                engine.signal(tx, listener, "event", event, signal_id=f"{event['source']} {event['id']}")
            except (FailedPreconditionError, NotFoundError):
                listeners.drop(tx, [listener])
