"""A schedule's timer: the run of the engine that waits for its times. One at a time, each a generation of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.program import Run
from stigmer_plugin_schedule import _store
from stigmer_plugin_schedule._wiring import RUNNER
from stigmer_plugin_schedule.program.times import next_time

if TYPE_CHECKING:
    from datetime import datetime

    from stigmer_core.store import Reader, Transaction
    from stigmer_plugin_schedule._wiring import Wiring

FAILURES_TO_PAUSE = 10


def is_active(schedule: Any) -> bool:
    """Return whether a schedule fires: the user wants it, and the server did not pause it."""
    return schedule.spec.enabled and not schedule.status.paused_reason


def set_next_time(schedule: Any, after: datetime) -> None:
    """Write when a schedule is due next; nothing when it does not fire."""
    due = next_time(schedule.spec.cron, schedule.spec.time_zone, after) if is_active(schedule) else None
    if due is None:
        schedule.status.ClearField("next_fire_at")
    else:
        schedule.status.next_fire_at.FromDatetime(due)


def start(tx: Transaction, wiring: Wiring, schedule: Any) -> None:
    """Start the timer of a stored schedule that has none running.

    Raises:
        FailedPreconditionError: no engine is installed.
    """
    engine = wiring.require_engine()
    schedule_id, spec = schedule.metadata.id, schedule.spec
    run_id = f"{schedule_id}@{_store.next_generation(tx, schedule_id)}"
    after = tx.now.isoformat()
    times = {"schedule_id": schedule_id, "cron": spec.cron, "time_zone": spec.time_zone, "after": after}
    engine.start(tx, Run(run_id, RUNNER, times))


def stop(tx: Transaction, wiring: Wiring, schedule_id: str, reason: str) -> None:
    """Stop a schedule's timer, if there is one."""
    if wiring.engine is not None:
        wiring.engine.cancel(tx, f"{schedule_id}@{_store.generation_of(tx, schedule_id)}", reason)


def is_current(reader: Reader, run_id: str) -> bool:
    """Return whether a run of the engine is its schedule's timer, and not one of before."""
    schedule_id, _, generation = run_id.rpartition("@")
    return generation == str(_store.generation_of(reader, schedule_id))


def count_failure(tx: Transaction, wiring: Wiring, schedule: Any, reason: str) -> None:
    """Count a failure in a schedule's status, and pause the schedule when there are too many in a row."""
    status = schedule.status
    status.consecutive_failures += 1
    if status.consecutive_failures >= FAILURES_TO_PAUSE and not status.paused_reason:
        pause(schedule, f"{status.consecutive_failures} runs in a row failed, the last one: {reason}")
        stop(tx, wiring, schedule.metadata.id, "paused")


def pause(schedule: Any, reason: str) -> None:
    """Write that the server paused a schedule, which stays as the user set it."""
    schedule.status.paused_reason = reason
    schedule.status.ClearField("next_fire_at")
