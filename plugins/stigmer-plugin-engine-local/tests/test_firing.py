"""Many timers that are due at once: they fire together, and their runs go on in turn."""

from __future__ import annotations

from datetime import timedelta

import pytest
from local_engine_programs import Waiting
from stigmer_plugin_engine_local import _firing
from stigmer_plugin_engine_local._live import LiveRun

from stigmer_core.errors import ResourceExhaustedError
from stigmer_core.program import Runner, StartTimer, TimerFired
from stigmer_core.testing.memory_engine import START

RUNS = 3 * _firing.FEW


@pytest.fixture
def runners():
    """Return a runner that waits."""
    return {"wait": Runner("wait", Waiting())}


@pytest.fixture
async def waiting(host):
    """Start runs whose timers are far away."""
    for number in range(RUNS):
        await host.start(f"r{number}", {"seconds": 10_000}, runner="wait")
    await host.until(lambda: host.query("SELECT count(*) FROM engine_timer") == [(RUNS,)])


def due(host):
    """Return every timer as one that is due."""
    return [(run_id, "/wait", START) for (run_id,) in host.query("SELECT run_id FROM engine_timer")]


async def ended(host):
    """Return the outputs of all runs, once they have ended."""
    return [(await host.ended(f"r{number}"))[1] for number in range(RUNS)]


def later(host):
    """Let the clock of the engine's firing go beyond every timer."""
    clock = host.engine._firing._clock
    host.engine._firing._clock = lambda: clock() + timedelta(days=1)


async def test_timers_fire_in_one_transaction(host, waiting, monkeypatch):
    """They are no timers any more when it is written, and each run gets its event once."""
    transactions, fire = [], _firing._store.fire
    monkeypatch.setattr(_firing._store, "fire", lambda tx, *rest: transactions.append(tx) or fire(tx, *rest))
    later(host)

    host.engine._firing.fire(due(host))

    assert await ended(host) == [["timer"]] * RUNS
    assert len(transactions) == RUNS
    assert len(set(map(id, transactions))) == 1
    assert host.query("SELECT count(*) FROM engine_timer") == [(0,)]
    assert host.query("SELECT count(*) FROM engine_inbox") == [(0,)]


async def test_so_many_runs_go_on_at_a_time(host, waiting, monkeypatch):
    """Others have their turn between them."""
    most, load = [], host.engine._driver.step

    async def counted(*event, **more):
        most.append(len(host.engine._driving))
        return await load(*event, **more)

    monkeypatch.setattr(host.engine._driver, "step", counted)
    later(host)

    host.engine._firing.fire(due(host))

    await ended(host)
    assert 1 < max(most) <= _firing.AT_ONCE


async def test_what_has_fired_has_fired_after_a_restart(host, waiting):
    """The events are in the inboxes before any run goes on."""
    host.engine._firing._notice = lambda _run_id: None
    later(host)

    host.engine._firing.fire(due(host))
    await host.until(lambda: host.query("SELECT count(*) FROM engine_inbox") == [(RUNS,)])
    assert host.query("SELECT count(*) FROM engine_timer") == [(0,)]
    await host.restart()

    assert await ended(host) == [["timer"]] * RUNS


async def test_what_comes_later_comes_after(host, waiting):
    """A signal does not overtake a timer that has fired."""
    host.engine._firing._notice = lambda _run_id: None
    later(host)
    host.engine._firing.fire(due(host))
    await host.until(lambda: host.query("SELECT count(*) FROM engine_inbox") == [(RUNS,)])

    await host.signal("r7", "late")

    assert (await host.ended("r7"))[1] == ["timer"]


async def test_timers_fire_without_space_too(host, waiting, monkeypatch):
    """Then each is recorded with the step that follows."""

    def full(*_arguments):
        raise ResourceExhaustedError("no space")

    monkeypatch.setattr(_firing._store, "fire", full)
    later(host)

    host.engine._firing.fire(due(host))

    assert await ended(host) == [["timer"]] * RUNS


async def test_timer_that_was_cancelled_meanwhile_does_not_fire(host, waiting):
    """It is looked for in the transaction that fires."""
    fired = due(host)
    await host.signal("r0", "stop")
    assert (await host.ended("r0"))[1] == []
    later(host)

    host.engine._firing.fire(fired)

    assert (await ended(host))[:2] == [[], ["timer"]]
    assert host.query("SELECT count(*) FROM engine_inbox") == [(0,)]


def test_timer_of_an_earlier_one_of_its_name_means_nothing():
    """It fired before the one that is waited for now is due."""
    live = LiveRun("r", "test", ("", ""), outstanding={"/wait": StartTimer("/wait", START)})

    assert live.expects(TimerFired("/wait", START))
    assert not live.expects(TimerFired("/wait", START - timedelta(seconds=1)))
    assert not live.expects(TimerFired("/other", START))
