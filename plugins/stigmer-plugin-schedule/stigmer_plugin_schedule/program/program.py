"""What a schedule does: wait for a time, fire, wait for the next.

Its input is `{schedule_id, cron, time_zone, after}`; it runs until it is cancelled. A change of the schedule's times
is another run, so that none of them ever changes its mind.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from stigmer_core.program import (
    ActivityDone,
    ActivityFailed,
    CallActivity,
    CancelRequested,
    Complete,
    Fail,
    Failure,
    StartTimer,
    Step,
    TimerFired,
)
from stigmer_plugin_schedule.program.times import latest_time, next_time

if TYPE_CHECKING:
    from stigmer_core.program import Event, Json

CATCH_UP = timedelta(hours=1)  # a time that is longer ago is not made up for
FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=5)
CALL_TIMEOUT = timedelta(minutes=1)
_MOST_DOUBLINGS = 10


class ScheduleProgram:
    """Waits, and calls the activities `fire` and `skip`.

    What was missed while nothing ran becomes one `skip`, and one `fire` for the latest time if that is at most an
    hour ago. A `fire` that may succeed later is called again for as long; then it is a `skip` too.
    """

    def start(self, input: Json, now: datetime) -> Step:  # noqa: A002, ARG002 - the protocol's words
        """Return the first step: wait for the first time after `input["after"]`."""
        state = {name: input[name] for name in ("schedule_id", "cron", "time_zone")}
        return _wait({**state, "step": 0, "calls": [], "attempt": 0, "cancelled": None}, input["after"])

    def advance(self, state: Json, event: Event) -> Step:
        """Return the next step."""
        match event:
            case CancelRequested():
                return _cancel(state, event.reason)
            case TimerFired(id=answered) if answered == state["waiting"]:
                return _ask(state) if state["calls"] else _due(state, event.now)
            case ActivityDone(id=answered) if answered == state["waiting"]:
                return _next_call({**state, "calls": state["calls"][1:]})
            case ActivityFailed(id=answered) if answered == state["waiting"]:
                return _failed(state, event.failure, event.now)
        return Step(state, [])


def _wait(state: Json, after: str) -> Step:
    due = next_time(state["cron"], state["time_zone"], datetime.fromisoformat(after))
    if due is None:
        return Step(state, [Complete(None)])
    return _wait_until({**state, "due": due.isoformat()}, due)


def _wait_until(state: Json, due: datetime) -> Step:
    step = state["step"] + 1
    timer = f"/wait/{step}"
    return Step({**state, "step": step, "waiting": timer}, [StartTimer(timer, due)])


def _due(state: Json, now: datetime) -> Step:
    due = datetime.fromisoformat(state["due"])
    if now < due:  # the zone's rules were others when the timer was recorded
        return _wait_until(state, due)
    first = max(due, now - CATCH_UP)
    latest = latest_time(state["cron"], state["time_zone"], first=first, until=now)
    calls = []
    if latest != due:
        until = (latest or now).isoformat()
        reason = f"missed, with every other time before {until}: the server was away or busy"
        calls.append({"activity": "skip", "due": state["due"], "reason": reason})
    if latest is not None:
        calls.append({"activity": "fire", "due": latest.isoformat()})
    return _next_call({**state, "calls": calls, "after": (latest or now).isoformat()})


def _next_call(state: Json) -> Step:
    if state["cancelled"] is not None:
        return _end(state, state["cancelled"])
    if not state["calls"]:
        return _wait(state, state["after"])
    return _ask({**state, "step": state["step"] + 1, "attempt": 0})


def _ask(state: Json) -> Step:
    activity = state["calls"][0]["activity"]
    command_id = f"/{activity}/{state['step']}@{state['attempt']}"
    arguments = {"schedule_id": state["schedule_id"], **state["calls"][0]}
    return Step({**state, "waiting": command_id}, [CallActivity(command_id, activity, arguments, CALL_TIMEOUT)])


def _failed(state: Json, failure: Failure, now: datetime) -> Step:
    call, *others = state["calls"]
    if call["activity"] == "skip" or state["cancelled"] is not None:
        return _next_call({**state, "calls": others})
    attempt = state["attempt"] + 1
    again = now + min(FIRST_RETRY * 2 ** min(attempt - 1, _MOST_DOUBLINGS), LONGEST_RETRY)
    if failure.retryable and again <= datetime.fromisoformat(call["due"]) + CATCH_UP:
        timer = f"/retry/{state['step']}@{attempt}"
        return Step({**state, "attempt": attempt, "waiting": timer}, [StartTimer(timer, again)])
    skip = {"activity": "skip", "due": call["due"], "reason": failure.detail or failure.title}
    return _next_call({**state, "calls": [skip, *others]})


def _cancel(state: Json, reason: str) -> Step:
    """End, but not in the middle of a call: what it started is still to be recorded."""
    if state["waiting"].startswith(("/wait/", "/retry/")):
        return _end(state, reason)
    return Step({**state, "cancelled": reason}, [])


def _end(state: Json, reason: str) -> Step:
    return Step(state, [Fail(Failure("cancelled", "Cancelled", detail=reason), cancelled=True)])
