"""What the engine promises while its process lives."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from local_engine_programs import Broken, Counting, Parent, Waiting

from stigmer_core.errors import FailedPreconditionError, NotFoundError
from stigmer_core.program import ActivityError, Failure, Runner, defect


class Work:
    """An activity that returns its argument plus one; `gate` holds it back, `calls` says what was asked."""

    def __init__(self):
        self.gate = asyncio.Event()
        self.gate.set()
        self.calls = []
        self.running = self.most = self.cancelled = 0

    async def __call__(self, arguments, context):
        """Wait for the gate."""
        self.calls.append((context.run_id, context.command_key, context.attempt))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        return arguments + 1


@pytest.fixture
def work():
    """Return the activity of every runner."""
    return Work()


@pytest.fixture
def runners(work):
    """Return a runner for each program."""
    runner = {"activities": {"work": work}, "concurrency": 3}
    programs = {"test": Counting(), "wait": Waiting(), "parent": Parent(), "broken": Broken()}
    return {name: Runner(name, program, **runner) for name, program in programs.items()}


async def test_run_completes_with_its_output(host, work):
    """Each activity is called once, and every status is published in order."""
    await host.start("r", {"calls": 3})

    assert await host.ended("r") == ("completed", 6, "")
    assert work.calls == [("r", f"/call#{at}", 1) for at in range(3)]
    assert host.statuses("r") == [{"done": at} for at in range(4)]


async def test_starting_twice_is_one_run(host, work):
    """A run id that exists is left as it is."""
    await host.start("r", {"calls": 1})
    await host.ended("r")

    await host.start("r", {"calls": 5})

    assert host.outcome("r")[1] == 1
    assert len(work.calls) == 1


async def test_start_that_is_rolled_back_runs_nothing(host, work):
    """A run becomes true with its caller's commit, and not before."""

    def start_and_fail(tx):
        host.engine.start(tx, _run("r"))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await host.store.run(start_and_fail)

    await asyncio.sleep(0.05)
    assert host.outcome("r") is None
    assert not work.calls


async def test_run_of_unknown_runner_is_refused(host):
    """The caller learns it at once."""
    with pytest.raises(NotFoundError):
        await host.start("r", {}, runner="nobody")


async def test_cancelled_run_ends_cancelled_and_its_activity_stops(host, work):
    """No activity goes on after the cancel is recorded."""
    work.gate.clear()
    await host.start("r", {"calls": 3})
    await host.until(lambda: work.running)

    await host.cancel("r")

    assert (await host.ended("r"))[0] == "cancelled"
    await host.until(lambda: work.cancelled == 1)
    assert len(work.calls) == 1


async def test_cancel_after_the_end_changes_nothing(host):
    """The outcome stays as it was."""
    await host.start("r", {"calls": 0})
    await host.ended("r")

    await host.cancel("r")

    assert host.outcome("r") == ("completed", 0, "")
    assert host.query("SELECT count(*) FROM engine_inbox") == [(0,)]


async def test_activity_that_takes_too_long_fails_with_a_timeout(host, work):
    """The program sees a failure of the standard timeout type."""
    work.gate.clear()
    await host.start("r", {"calls": 1, "timeout": 0.02})

    outcome, failure, _ = await host.ended("r")

    assert outcome == "failed"
    assert (failure["status"], failure["type"].rpartition("/")[2], failure["retryable"]) == (408, "timeout", True)


async def test_activity_error_reaches_the_program_as_it_was_raised(host, runners):
    """Type, status and detail are the activity's."""

    async def refuse(_arguments, _context):
        raise ActivityError(Failure("urn:x", "X", 418, "teapot"))

    runners["test"].activities["work"] = refuse
    await host.start("r", {"calls": 1})

    outcome, failure, _ = await host.ended("r")
    assert (outcome, failure["type"], failure["status"], failure["detail"]) == ("failed", "urn:x", 418, "teapot")


async def test_activities_of_a_runner_are_bounded(host, work):
    """No more of them are in flight than the runner says."""
    work.gate.clear()
    for number in range(10):
        await host.start(f"r{number}", {"calls": 1})
    await host.until(lambda: work.running == 3)
    await asyncio.sleep(0.05)

    work.gate.set()
    for number in range(10):
        await host.ended(f"r{number}")

    assert work.most == 3


async def test_runs_beyond_the_limit_wait_in_the_store(host, work):
    """They begin, oldest first, as others end."""
    host.options = {"active_runs": 2}
    await host.restart()
    work.gate.clear()
    for number in range(5):
        await host.start(f"r{number}", {"calls": 1})
    await host.until(lambda: work.running == 2)

    assert host.query("SELECT count(*) FROM engine_run WHERE started = 0") == [(3,)]
    work.gate.set()
    assert [(await host.ended(f"r{number}"))[0] for number in range(5)] == ["completed"] * 5


async def test_timer_fires_once_when_it_is_due(host):
    """And its row is gone afterwards."""
    await host.start("r", {"seconds": 0.05}, runner="wait")

    assert (await host.ended("r"))[1] == ["timer"]
    assert host.statuses("r") == [{"fired": True}]
    assert host.query("SELECT count(*) FROM engine_timer") == [(0,)]


async def test_timer_in_ten_years_does_not_hold_others_up(host):
    """A far timer is neither fired nor slept for."""
    await host.start("far", {"seconds": 10 * 365 * 86400}, runner="wait")
    await host.start("near", {"seconds": 0.01}, runner="wait")

    assert (await host.ended("near"))[1] == ["timer"]
    assert host.outcome("far")[0] == ""


async def test_thousand_timers_due_at_once_all_fire_once(host):
    """Each run ends with its own timer."""
    for number in range(1000):
        await host.start(f"r{number}", {"seconds": 0.3}, runner="wait")

    for number in range(1000):
        assert (await host.ended(f"r{number}"))[1] == ["timer"]
        assert len(host.statuses(f"r{number}")) == 1


async def test_signals_keep_their_order_and_repeats_are_one(host):
    """Nothing is lost between the sender's commit and the program."""
    await host.start("r", {"seconds": 1000}, runner="wait")
    for number in range(50):
        await host.signal("r", f"s{number}", signal_id=f"id{number}")
        await host.signal("r", f"s{number}", signal_id=f"id{number}")
    await host.signal("r", "stop")

    assert (await host.ended("r"))[1] == [f"s{number}" for number in range(50)]


async def test_signal_to_nobody_or_after_the_end_is_refused(host):
    """The sender learns which it was."""
    with pytest.raises(NotFoundError):
        await host.signal("nobody", "s")
    await host.start("r", {"calls": 0})
    await host.ended("r")

    with pytest.raises(FailedPreconditionError, match="completed"):
        await host.signal("r", "s")


async def test_children_run_and_their_outputs_come_back(host):
    """A parent gets each child's output once."""
    await host.start("p", {"children": 4}, runner="parent")

    assert (await host.ended("p"))[1] == [0, 1, 3, 6]
    assert host.outcome("p/child3")[0] == "completed"


@pytest.mark.parametrize("where", ["start", "advance"])
async def test_program_that_raises_parks_its_run_and_no_other(host, where, caplog):
    """The reason is kept and published, and everything else goes on."""
    await host.start("bad", where, runner="broken")
    await host.start("good", {"calls": 2})

    assert (await host.ended("good"))[0] == "completed"
    outcome, _, reason = await host.ended("bad")
    assert outcome == "parked"
    doing = "the start" if where == "start" else "a step"
    assert reason == defect(f"the runner 'broken' failed at {doing}")
    assert "Traceback" in caplog.text
    status = host.statuses("bad")[-1]["status"]
    assert (status["phase"], status["error"]) == ("EXECUTION_FAILED", reason)


async def test_run_whose_resource_is_gone_is_parked(host):
    """A deleted execution's run does not come back at every start."""

    def gone(_tx, run_id, *_statuses):
        raise NotFoundError("WorkflowExecution", run_id)

    host.publish = gone
    await host.start("r", {"calls": 1})

    assert (await host.ended("r"))[0] == "parked"


async def test_late_answer_changes_nothing(host, work):
    """An answer to something that is not outstanding is neither recorded nor acted on."""
    from stigmer_core.program import ActivityDone  # noqa: PLC0415

    work.gate.clear()
    await host.start("r", {"calls": 1})
    await host.until(lambda: work.running)

    host.engine._answered("r", ActivityDone("/call#7", 1000, datetime.now(UTC)))
    work.gate.set()

    assert (await host.ended("r"))[1] == 1


async def test_journal_stays_bounded_in_a_long_loop(host):
    """Snapshots trim it, so that a run of any length restarts quickly."""
    longest = 0
    await host.start("r", {"calls": 1000})
    while not host.outcome("r")[0]:
        longest = max(longest, host.query("SELECT count(*) FROM engine_journal")[0][0])
        await asyncio.sleep(0.001)

    assert host.outcome("r")[1] == sum(range(1, 1001))
    assert 0 < longest <= 64
    assert host.query("SELECT count(*) FROM engine_journal") == [(0,)]


async def test_timer_at_the_end_of_the_calendar_is_slept_through(host):
    """The event loop's own timers would overflow."""
    host.engine._timers.arm("r", "/wait", datetime.max.replace(tzinfo=UTC))
    await host.start("near", {"seconds": 0.01}, runner="wait")

    assert (await host.ended("near"))[1] == ["timer"]


def _run(run_id):
    from stigmer_core.program import Run  # noqa: PLC0415

    return Run(run_id, "test", {"calls": 1})
