"""What makes a schedule special: its times are real, its agent stays, and its timer is written along with it."""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from stigmer_core.errors import FailedPreconditionError, Problem
from stigmer_plugin_schedule import _store, _timer
from stigmer_plugin_schedule._wiring import wiring_of
from stigmer_plugin_schedule.program.times import what_is_wrong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core import Change, Draft
    from stigmer_core.program import Json
    from stigmer_core.resources import Resources
    from stigmer_core.store import Transaction

_OF_THE_MACHINE = {"localtime", "Factory"}  # not zones, though their files stand among them


def check_schedule(draft: Draft) -> Sequence[Problem]:
    """Return what is wrong with a schedule's times."""
    spec = draft.resource.spec
    problems = []
    if spec.cron and (wrong := what_is_wrong(spec.cron)):
        hint = "minute hour day month weekday, as in '0 9 * * mon-fri'"
        problems.append(Problem("/spec/cron", wrong, hint))
    if spec.time_zone and spec.time_zone not in _zones():
        near = difflib.get_close_matches(spec.time_zone, _zones(), n=1)
        hint = f"did you mean {near[0]}?" if near else "a name of the IANA time zones, as in 'Europe/Berlin' or 'UTC'"
        problems.append(Problem("/spec/time_zone", f"{spec.time_zone!r} is no time zone", hint))
    return problems


def before_write(change: Change) -> None:
    """Refuse another agent, and write when the schedule is due next.

    Raises:
        FailedPreconditionError: the agent is another one, or no engine is installed to fire an enabled schedule.
    """
    old, new = change.old, change.new
    if old is not None and old.spec.agent.agent_ref != new.spec.agent.agent_ref:
        was, asked = (one.spec.agent.agent_ref for one in (old, new))
        raise FailedPreconditionError(
            f"agent_ref of a schedule never changes: it is {was.org}/{was.slug}, not {asked.org}/{asked.slug};"
            " create another schedule"
        )
    if new.spec.enabled:
        wiring_of(change.resources).require_engine()
    if _times(old) != _times(new):
        _timer.set_next_time(new, change.now)


def after_write(change: Change) -> None:
    """Replace the timer when the times have changed."""
    tx, wiring, new = change.tx, wiring_of(change.resources), change.new
    if change.old is None:
        _store.put_entry(tx, new)
    if _times(change.old) != _times(new):
        _timer.stop(tx, wiring, new.metadata.id, "the schedule was changed")
        if _timer.is_active(new):
            _timer.start(tx, wiring, new)


def before_delete(change: Change) -> None:
    """Stop the timer and forget the history with the schedule; agent runs it started go on."""
    schedule_id = change.old.metadata.id
    _timer.stop(change.tx, wiring_of(change.resources), schedule_id, "the schedule was deleted")
    _store.forget(change.tx, schedule_id)


def pause_parked(tx: Transaction, resources: Resources, run_id: str, statuses: Sequence[Json]) -> None:
    """Pause a schedule whose timer broke, which is all that a timer publishes: `resume` makes a new one."""
    schedule_id = run_id.rpartition("@")[0]
    if tx.get(schedule_id) is None or not _timer.is_current(tx, run_id):
        return
    kind = resources.kind("Schedule")
    schedule = resources.get_in(tx, kind, schedule_id)
    _timer.pause(schedule, f"its timer broke: {statuses[-1]['status']['error']}")
    resources.save_in(tx, kind, schedule)


def _times(schedule: Any) -> tuple[str, str, bool] | None:
    if schedule is None:
        return None
    spec = schedule.spec
    return spec.cron, spec.time_zone, spec.enabled


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    """Return the names of all time zones: reading them takes some milliseconds."""
    return frozenset(available_timezones() - _OF_THE_MACHINE)
