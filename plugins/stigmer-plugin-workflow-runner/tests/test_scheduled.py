"""`schedule`: what a document may say, and when its runs start."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.scheduled import MOST_RETRIES, ScheduledProgram

from stigmer_core.program import (
    ActivityDone,
    ActivityFailed,
    CallActivity,
    CancelRequested,
    Fail,
    Failure,
    Signal,
    StartTimer,
    TimerFired,
)
from stigmer_core.testing.memory_engine import START

TASKS = "[{a: {set: {x: 1}}}]"
WRONG = [
    ({}, "/schedule", "has one of"),
    ({"every": "PT1M", "cron": "* * * * *"}, "/schedule", "has one of"),
    ({"evry": "PT1M"}, "/schedule/evry", "did you mean 'every'"),
    ({"every": "soon"}, "/schedule/every", "not a duration"),
    ({"every": {"milliseconds": 10}}, "/schedule/every", "at most once a second"),
    ({"after": "PT0S"}, "/schedule/after", "at most once a second"),
    ({"cron": "* * *"}, "/schedule/cron", "has 3 fields, not 5"),
    ({"cron": "61 * * * *"}, "/schedule/cron", "bad minute"),
    ({"cron": "0 0 31 6 *"}, "/schedule/cron", "bad day-of-month"),
    ({"cron": 5}, "/schedule/cron", "expected a cron expression"),
    ({"cron": "* * * * *", "read": "data"}, "/schedule/read", "'read' is for 'on'"),
    ({"on": {"any": []}, "read": "date"}, "/schedule/read", "data, envelope, raw"),
    ({"on": {"one": {"with": {"type": "${ $context.x }"}}}}, "/schedule/on/one/with/type", "not defined here"),
]
EVERY = {"every": "PT1H"}


class Driven:
    """A schedule's program, driven by hand."""

    def __init__(self, **schedule):
        self._program, self.now = ScheduledProgram(), START
        self._take(self._program.start({"schedule": schedule}, START))

    def _take(self, step):
        self.state, self.commands = step.state, list(step.commands)
        return self.commands

    @property
    def command(self):
        """What it waits for."""
        return self.commands[-1]

    def fire(self, late=timedelta()):
        """Let its timer fire."""
        assert isinstance(self.command, StartTimer)
        self.now = self.command.due + late
        self._take(self._program.advance(self.state, TimerFired(self.command.id, self.now)))

    def answer(self, result):
        """Answer the activity that it called."""
        assert isinstance(self.command, CallActivity)
        self._take(self._program.advance(self.state, ActivityDone(self.command.id, result, self.now)))

    def fail(self, *, retryable):
        """Let the activity that it called fail."""
        failure = Failure("x", "X", retryable=retryable)
        self._take(self._program.advance(self.state, ActivityFailed(self.command.id, failure, self.now)))

    def event(self, number, **attributes):
        """Send an event and return what it makes the schedule do."""
        payload = {"specversion": "1.0", "id": str(number), "source": "/test", **attributes}
        return self._take(self._program.advance(self.state, Signal(str(number), "event", payload, self.now)))


@pytest.mark.parametrize("schedule", [EVERY, {"cron": "0 9 * * mon-fri"}, {"after": {"minutes": 1}}])
def test_document_may_have_a_schedule(document, schedule):
    """And then it can still be run by hand."""
    assert not check(document(TASKS, schedule=schedule))


@pytest.mark.parametrize(("schedule", "pointer", "message"), WRONG)
def test_problem_has_its_place(document, schedule, pointer, message):
    """What would never start anything, or too much, is said before it is stored."""
    problems = check(document(TASKS, schedule=schedule))

    assert any(problem.pointer == pointer and message in str(problem) for problem in problems), problems


def test_every_counts_from_the_beginning():
    """However long a start takes, the next time is a multiple of the interval."""
    driven = Driven(**EVERY)

    driven.fire(late=timedelta(minutes=5))
    assert (driven.command.activity, driven.command.arguments["input"]) == ("start", None)
    driven.answer({"execution": "wex"})

    assert driven.command.due == START + timedelta(hours=2)


def test_cron_is_read_in_utc():
    """The first time is the first after now."""
    driven = Driven(cron="30 9 * * fri")

    assert driven.command.due == datetime.fromisoformat("2026-01-02T09:30:00+00:00")
    driven.fire()
    driven.answer({"execution": "wex"})

    assert driven.command.due == datetime.fromisoformat("2026-01-09T09:30:00+00:00")


def test_what_was_missed_is_made_up_for_once_and_not_after_an_hour():
    """A server that was away does not start everything that it missed."""
    driven = Driven(every="PT1M")

    driven.fire(late=timedelta(minutes=30))
    assert driven.command.activity == "start"
    driven.answer({"execution": "wex"})
    driven.fire(late=timedelta(hours=2))

    assert isinstance(driven.command, StartTimer)
    assert driven.command.due > driven.now


def test_start_is_tried_again_and_then_given_up():
    """Then the schedule goes on with its next time."""
    driven = Driven(**EVERY)
    driven.fire()

    keys = []
    for _ in range(MOST_RETRIES):
        keys.append(driven.command.id)
        driven.fail(retryable=True)
        driven.fire()
    driven.fail(retryable=True)

    assert len(set(keys)) == MOST_RETRIES
    assert driven.command.due == START + timedelta(hours=2)


def test_start_that_is_refused_is_not_tried_again():
    """It would be refused again."""
    driven = Driven(**EVERY)
    driven.fire()
    driven.fail(retryable=False)

    assert driven.command.due == START + timedelta(hours=2)


def test_after_starts_at_once_and_again_after_the_end():
    """The delay counts from the moment the run before has ended."""
    driven = Driven(after="PT1M")
    assert driven.command.activity == "start"

    driven.answer({"execution": "wex_1"})
    driven.fire()
    assert driven.command.arguments == {"execution": "wex_1"}
    driven.answer({"has_ended": False, "at": ""})
    driven.fire()
    driven.answer({"has_ended": True, "at": START.isoformat()})

    assert driven.command.due == START + timedelta(minutes=1)
    driven.fire()
    assert driven.command.activity == "start"


def test_each_event_starts_a_run_with_it_as_its_input():
    """One that comes while another run is being started waits for that."""
    driven = Driven(on={"one": {"with": {"type": "x"}}})

    assert not driven.event(1, type="y")
    assert driven.event(2, type="x", data=2)[0].arguments["input"] == [2]
    assert not driven.event(3, type="x", data=3)
    driven.commands = [CallActivity("/start/1@0", "start", None)]
    driven.answer({"execution": "wex"})

    assert driven.command.arguments["input"] == [3]


def test_all_of_several_events_start_a_run():
    """Read as the document says; the same events are waited for again afterwards."""
    wanted = {"all": [{"with": {"type": "x"}}, {"with": {"type": "y"}}]}
    driven = Driven(on=wanted, read="envelope")

    assert not driven.event(1, type="x")
    (started,) = driven.event(2, type="y")
    driven.answer({"execution": "wex"})

    assert [event["id"] for event in started.arguments["input"]] == ["1", "2"]
    assert not driven.event(3, type="y")


def test_events_until_an_expression_start_a_run():
    """It is over what was consumed."""
    driven = Driven(on={"any": [{"with": {"type": "x"}}], "until": "(map(.n) | add) > 4"})

    assert not driven.event(1, type="x", data={"n": 3})
    (started,) = driven.event(2, type="x", data={"n": 2})

    assert started.arguments["input"] == [{"n": 3}, {"n": 2}]


def test_schedule_ends_when_it_is_cancelled():
    """As that of a workflow that is deleted, or that has another schedule now."""
    driven = Driven(**EVERY)

    step = ScheduledProgram().advance(driven.state, CancelRequested("c", "deleted", START))

    assert step.commands == [Fail(Failure("cancelled", "Cancelled", 499, "deleted"), cancelled=True)]
