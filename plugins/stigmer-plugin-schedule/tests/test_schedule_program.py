"""The program of schedules, driven without an engine: which times fire, which are skipped, when it tries again."""

from __future__ import annotations

import ast
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stigmer_plugin_schedule.program import program
from stigmer_plugin_schedule.program.program import ScheduleProgram

from stigmer_core.program import (
    ActivityDone,
    ActivityError,
    ActivityFailed,
    CallActivity,
    CancelRequested,
    Complete,
    Fail,
    Failure,
    StartTimer,
    TimerFired,
)
from stigmer_core.testing.memory_engine import START, MemoryEngine

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
AWAY = Failure("about:blank", "Unavailable", 503, "the engine is away", retryable=True)
BROKEN = Failure("about:blank", "Runtime Error", 500, "a bug")


def given(cron, after=START, zone="UTC"):
    return {"schedule_id": "sch_1", "cron": cron, "time_zone": zone, "after": after.isoformat()}


def started(cron):
    """Return the state of a run that waits, and when it is due."""
    step = ScheduleProgram().start(given(cron), START)
    return step.state, step.commands[0]


def calls(step):
    return [(one.activity, one.arguments["due"]) for one in step.commands if isinstance(one, CallActivity)]


def advance(state, event):
    return ScheduleProgram().advance(json.loads(json.dumps(state)), event)


async def test_every_time_fires_once_and_the_next_one_is_waited_for():
    """Three days of a daily schedule are three calls, each with its time."""
    fired = []

    async def fire(arguments, context):
        fired.append((arguments["schedule_id"], arguments["due"], context.command_key))

    await MemoryEngine(ScheduleProgram(), {"fire": fire}, cancel_after=6).run(given("0 9 * * *"))

    days = [datetime(2026, 1, day, 9, tzinfo=UTC).isoformat() for day in (1, 2, 3)]
    assert [due for _, due, _ in fired] == days
    assert {one for one, _, _ in fired} == {"sch_1"}
    assert len({key for _, _, key in fired}) == 3


async def test_it_waits_through_the_change_of_clocks():
    """09:00 in Berlin is another hour of UTC from the last Sunday of March on."""
    fired = []

    async def fire(arguments, _context):
        fired.append(arguments["due"][5:16])

    after = datetime(2026, 3, 28, 7, tzinfo=UTC)
    engine = MemoryEngine(ScheduleProgram(), {"fire": fire}, cancel_after=4, start_at=after)
    await engine.run(given("0 9 * * *", after, "Europe/Berlin"))

    assert fired == ["03-28T08:00", "03-29T07:00"]


@pytest.mark.parametrize(
    ("cron", "late", "expected"),
    [
        ("0 9 * * *", HOUR - MINUTE, [("fire", "01-01T09:00")]),
        ("0 9 * * *", HOUR, [("fire", "01-01T09:00")]),
        ("0 9 * * *", HOUR + MINUTE, [("skip", "01-01T09:00")]),
        ("0 9 * * *", timedelta(days=2, minutes=10), [("skip", "01-01T09:00"), ("fire", "01-03T09:00")]),
        ("*/10 * * * *", timedelta(minutes=35), [("skip", "01-01T00:10"), ("fire", "01-01T00:40")]),
        ("* * * * *", timedelta(days=400), [("skip", "01-01T00:01"), ("fire", "02-05T00:01")]),
    ],
)
def test_what_was_missed_becomes_at_most_one_late_fire(cron, late, expected):
    """The latest time fires if it is at most an hour ago; all before it are one entry of the history."""
    state, timer = started(cron)
    step = advance(state, TimerFired(timer.id, timer.due + late))
    found = calls(step)
    if len(expected) > 1:
        found += calls(advance(step.state, ActivityDone(step.state["waiting"], None, timer.due + late)))

    assert [(activity, due[5:16]) for activity, due in found] == expected


def test_after_a_late_fire_the_next_time_is_in_the_future():
    """Nothing that was collapsed comes up again."""
    state, timer = started("*/10 * * * *")
    now = timer.due + timedelta(minutes=35)
    step = advance(state, TimerFired(timer.id, now))
    step = advance(step.state, ActivityDone(step.state["waiting"], None, now))
    step = advance(step.state, ActivityDone(step.state["waiting"], None, now))

    assert step.commands == [StartTimer(step.state["waiting"], START + timedelta(minutes=50))]


def test_a_timer_that_fires_early_is_set_again():
    """A zone's rules may change between two starts of the server: the time is that of the rules of now."""
    state, timer = started("0 9 * * *")

    step = advance(state, TimerFired(timer.id, timer.due - HOUR))

    assert step.commands == [StartTimer(step.state["waiting"], timer.due)]
    assert step.commands[0].id != timer.id


async def test_what_may_succeed_later_is_called_again():
    """It waits longer each time; the run is the same one."""
    tried = []

    async def fire(arguments, context):
        tried.append((arguments["due"], context.command_key))
        if len(tried) < 4:
            raise ActivityError(AWAY)

    outcome = await MemoryEngine(ScheduleProgram(), {"fire": fire}, cancel_after=8).run(given("0 9 * * *"))

    due = datetime(2026, 1, 1, 9, tzinfo=UTC)
    waits = [one.due for one in outcome.commands if isinstance(one, StartTimer) and one.id.startswith("/retry/")]
    assert [due_ for due_, _ in tried] == [due.isoformat()] * 4
    assert [(moment - due).seconds for moment in waits] == [5, 15, 35]
    assert len({key for _, key in tried}) == 4


async def test_it_stops_trying_an_hour_after_the_time_and_says_so():
    """Then the time is skipped with the reason of the last failure, and the schedule goes on."""
    skipped = []

    async def fire(_arguments, _context):
        raise ActivityError(AWAY)

    async def skip(arguments, _context):
        skipped.append((arguments["due"][5:16], arguments["reason"]))

    engine = MemoryEngine(ScheduleProgram(), {"fire": fire, "skip": skip}, cancel_after=60)
    outcome = await engine.run(given("0 9 * * *"))

    assert skipped[0] == ("01-01T09:00", "the engine is away")
    assert outcome.finished_at > START + timedelta(days=1)


def test_a_failure_for_good_is_skipped_at_once():
    """Calling again would not help, and the next time is waited for."""
    state, timer = started("0 9 * * *")
    step = advance(state, TimerFired(timer.id, timer.due))
    step = advance(step.state, ActivityFailed(step.state["waiting"], BROKEN, timer.due))

    assert calls(step) == [("skip", timer.due.isoformat())]
    assert step.commands[0].arguments["reason"] == "a bug"
    step = advance(step.state, ActivityFailed(step.state["waiting"], BROKEN, timer.due))
    assert step.commands == [StartTimer(step.state["waiting"], timer.due + timedelta(days=1))]


def test_a_cancel_ends_the_wait_at_once():
    """Nobody waits for a schedule that was changed or deleted."""
    state, _ = started("0 9 * * *")

    step = advance(state, CancelRequested("cancel", "the schedule was changed", START))

    assert isinstance(step.commands[0], Fail)
    assert step.commands[0].cancelled


@pytest.mark.parametrize("answer", ["done", "failed"])
def test_a_cancel_waits_for_a_call_that_is_under_way(answer):
    """What it started is recorded; then the run ends."""
    state, timer = started("0 9 * * *")
    step = advance(state, TimerFired(timer.id, timer.due))
    waiting = step.state["waiting"]

    cancelled = advance(step.state, CancelRequested("cancel", "changed", timer.due))
    done = ActivityDone(waiting, None, timer.due) if answer == "done" else ActivityFailed(waiting, AWAY, timer.due)
    ended = advance(cancelled.state, done)

    assert cancelled.commands == []
    assert ended.commands[0].failure.detail == "changed"


def test_an_answer_to_something_else_changes_nothing():
    """A timer or a call of before does not count for this one."""
    state, timer = started("0 9 * * *")

    for event in (TimerFired("/wait/0", timer.due), ActivityDone("/fire/2@0", None, timer.due)):
        step = advance(state, event)
        assert (step.state, step.commands) == (state, [])


def test_a_schedule_without_a_next_time_ends():
    """There is nothing to wait for."""
    assert ScheduleProgram().start(given("0 0 */31 * mon#5"), START).commands == [Complete(None)]


@pytest.mark.parametrize("module", sorted(Path(program.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_the_program_has_no_clock_and_no_randomness(module):
    """The same events give the same run, whenever they are replayed."""
    nodes = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, (ast.Import, ast.ImportFrom))]
    imported = {name.name for node in nodes for name in node.names} | {getattr(node, "module", "") for node in nodes}

    assert not imported & {"time", "random", "secrets", "uuid", "os", "socket", "asyncio", "pathlib", "subprocess"}
    assert ".now(" not in module.read_text()
