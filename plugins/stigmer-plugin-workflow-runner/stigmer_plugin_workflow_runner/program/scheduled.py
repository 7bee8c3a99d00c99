"""The program behind a workflow's `schedule`: waits for a time or for events, starts a run, waits again.

Its input is `{"schedule": the section of the document}`; it runs until it is cancelled. Another schedule is another
run, so that none of them ever changes its mind. What it starts are executions of their own, not its children.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stigmer_core.program import (
    ActivityDone,
    ActivityFailed,
    CallActivity,
    CancelRequested,
    Complete,
    Fail,
    Failure,
    Signal,
    StartTimer,
    Step,
    TimerFired,
)
from stigmer_plugin_workflow_runner.expressions.values import truthy
from stigmer_plugin_workflow_runner.program.compiler import Compiler
from stigmer_plugin_workflow_runner.program.cron import next_time
from stigmer_plugin_workflow_runner.program.events import event_of, read
from stigmer_plugin_workflow_runner.program.faults import TaskFault
from stigmer_plugin_workflow_runner.program.schedules import Schedule, compile_schedule

if TYPE_CHECKING:
    from stigmer_core.program import Event, Json
    from stigmer_plugin_workflow_runner.program.templates import Template

CATCH_UP = timedelta(hours=1)  # a time that is longer ago is not made up for
CALL_TIMEOUT = timedelta(minutes=1)
FIRST_RETRY, MOST_RETRIES = timedelta(seconds=5), 6
FIRST_LOOK, LONGEST_LOOK = timedelta(seconds=1), timedelta(seconds=16)
MOST_STARTS = 1_000  # that wait for the one before them


class ScheduledProgram:
    """Calls the activity `start`, and for `after` the activity `ended`, which says when a run has ended.

    What was missed while nothing ran is started once, if it was due at most an hour ago. A start that may succeed
    later is tried again; then it is given up, and the schedule goes on.
    """

    def start(self, input: Json, now: datetime) -> Step:  # noqa: A002 - the protocol's word
        """Return the first step: an interval begins now, a workflow with `after` starts now."""
        state = {
            "schedule": input["schedule"],
            "step": 0,
            "waiting": "",
            "due": now.isoformat(),
            "starts": [],
            "attempt": 0,
            "looks": 0,
            "execution": "",
            "progress": {},
            "items": [],
        }
        if _schedule(state).after is not None:
            return _ask(_with_start(state, None))
        return _wait(state, now)

    def advance(self, state: Json, event: Event) -> Step:
        """Return the next step."""
        match event:
            case CancelRequested():
                return Step(state, [Fail(Failure("cancelled", "Cancelled", 499, event.reason), cancelled=True)])
            case Signal():
                return _consume(state, event)
            case TimerFired(id=answered) if answered == state["waiting"]:
                return _woken(state, event.now)
            case ActivityDone(id=answered) if answered == state["waiting"]:
                return _answered(state, event)
            case ActivityFailed(id=answered) if answered == state["waiting"]:
                return _failed(state, event)
        return Step(state, ())


@lru_cache(maxsize=256)
def _compiled(text: str) -> Schedule:
    return compile_schedule(Compiler({}), json.loads(text))


def _schedule(state: Json) -> Schedule:
    return _compiled(json.dumps(state["schedule"], sort_keys=True))


def _with_start(state: Json, value: Json) -> dict[str, Any]:
    return {**state, "starts": [*state["starts"], value][-MOST_STARTS:]}


def _wait(state: Json, now: datetime) -> Step:
    """Wait for the next time after now; for events there is nothing to be done."""
    schedule, due = _schedule(state), datetime.fromisoformat(state["due"])
    if schedule.on is not None:
        return Step({**state, "waiting": ""}, ())
    following: datetime | None
    if schedule.every is not None:
        following = due + schedule.every * max(1, (now - due) // schedule.every + 1)
    elif schedule.after is not None:
        following = due + schedule.after
    else:
        following = next_time(schedule.cron, max(now, due))
    if following is None:
        return Step(state, [Complete(None)])
    step = state["step"] + 1
    timer = f"/wait/{step}"
    after = {**state, "step": step, "waiting": timer, "due": following.isoformat()}
    return Step(after, [StartTimer(timer, following)])


def _woken(state: Json, now: datetime) -> Step:
    if state["waiting"].startswith("/look/"):
        look = state["waiting"].replace("/look/", "/ended/")
        call = CallActivity(look, "ended", {"execution": state["execution"]}, CALL_TIMEOUT)
        return Step({**state, "waiting": look}, [call])
    if state["waiting"].startswith("/retry/"):
        return _call(state)
    if now - datetime.fromisoformat(state["due"]) > CATCH_UP and _schedule(state).after is None:
        return _wait(state, now)
    return _ask(_with_start(state, None))


def _ask(state: Json) -> Step:
    return _call({**state, "step": state["step"] + 1, "attempt": 0})


def _call(state: Json) -> Step:
    command = f"/start/{state['step']}@{state['attempt']}"
    arguments = {"step": state["step"], "input": state["starts"][0]}
    return Step({**state, "waiting": command}, [CallActivity(command, "start", arguments, CALL_TIMEOUT)])


def _answered(state: Json, event: ActivityDone) -> Step:
    if event.id.startswith("/ended/"):
        if not event.result["has_ended"]:
            return _look(state, event.now)
        ended = event.result["at"] or event.now.isoformat()
        return _wait({**state, "due": ended}, event.now)
    after = {**state, "starts": state["starts"][1:]}
    if _schedule(state).after is not None:
        return _look({**after, "execution": event.result["execution"], "looks": 0}, event.now)
    return _next(after, event.now)


def _next(state: Json, now: datetime) -> Step:
    return _ask(state) if state["starts"] else _wait(state, now)


def _look(state: Json, now: datetime) -> Step:
    """Look again later whether the run has ended: soon after its start, then less and less often."""
    delay = min(FIRST_LOOK * 2 ** min(state["looks"], 10), LONGEST_LOOK)
    timer = f"/look/{state['step']}#{state['looks']}"
    return Step({**state, "looks": state["looks"] + 1, "waiting": timer}, [StartTimer(timer, now + delay)])


def _failed(state: Json, event: ActivityFailed) -> Step:
    if event.id.startswith("/ended/"):
        return _look(state, event.now)
    if event.failure.retryable and state["attempt"] < MOST_RETRIES:
        attempt = state["attempt"] + 1
        timer = f"/retry/{state['step']}@{attempt}"
        later = event.now + FIRST_RETRY * 2 ** (attempt - 1)
        return Step({**state, "attempt": attempt, "waiting": timer}, [StartTimer(timer, later)])
    after = {**state, "starts": state["starts"][1:]}
    return _next({**after, "due": event.now.isoformat()} if _schedule(state).after is not None else after, event.now)


def _consume(state: Json, signal: Signal) -> Step:
    """Take an event; with the last one that is waited for, a run starts whose input is what was consumed."""
    schedule, event = _schedule(state), event_of(signal)
    if schedule.on is None or event is None:
        return Step(state, ())
    try:
        taken = schedule.on.consume(state["progress"], event, _evaluate)
    except TaskFault:  # what a correlation expects cannot be evaluated: no event is meant then
        taken = None
    if taken is None:
        return Step(state, ())
    items = [*state["items"], read(event, schedule.how)] if taken.is_item else state["items"]
    until = schedule.on.until
    if not (taken.is_last or (until is not None and _holds(until, items))):
        return Step({**state, "progress": taken.progress, "items": items}, ())
    after = _with_start({**state, "progress": {}, "items": []}, items)
    return Step(after, ()) if state["waiting"] else _ask(after)


def _evaluate(template: Template, value: Json) -> Json:
    return template.evaluate(value, {})


def _holds(template: Template, items: Json) -> bool:
    """Return whether an expression is true of what was consumed; one that fails is not."""
    try:
        return truthy(_evaluate(template, items))
    except TaskFault:
        return False
