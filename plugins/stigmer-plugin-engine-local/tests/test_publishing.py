"""What a run publishes is shown in order, once each, and soon: quick steps together, whatever happens in between."""

from __future__ import annotations

import asyncio

import pytest
from local_engine_host import publish
from local_engine_programs import Counting
from stigmer_plugin_engine_local import _driver, _engine

from stigmer_core.program import Runner

CALLS = 5
ALL = [{"done": at} for at in range(CALLS + 1)]


class Steps:
    """An activity that returns its argument plus one, and waits before its n-th call until it may go on."""

    def __init__(self):
        self.held = 0
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()

    async def __call__(self, arguments, _context):
        """Wait where it is held."""
        if self.held and arguments == self.held:
            self.reached.set()
            await self.gate.wait()
        return arguments + 1


@pytest.fixture
def work():
    """Return the activity."""
    return Steps()


@pytest.fixture
def runners(work):
    """Return a runner that counts."""
    return {"test": Runner("test", Counting(), activities={"work": work})}


@pytest.fixture
def shown(host):
    """Return what is handed over to be shown, by call; `refuse` makes a call fail."""
    calls = []

    def noted(tx, run_id, *statuses):
        if {"done": 2} in statuses and host.refuses:
            raise ZeroDivisionError
        calls.append(statuses)
        publish(tx, run_id, *statuses)

    host.refuses, host.publish = False, noted
    return calls


def patience(monkeypatch, seconds):
    """Let a status wait for so long."""
    monkeypatch.setattr(_driver, "PUBLISH_SECONDS", seconds)


async def test_quick_steps_are_shown_together(host, shown, monkeypatch):
    """The first one at once, the last ones with the run's end; in order, and none is left out."""
    patience(monkeypatch, 1000)
    await host.start("r", {"calls": CALLS})

    assert (await host.ended("r"))[0] == "completed"
    assert shown == [({"done": 0},), tuple(ALL[1:])]


async def test_among_many_runs_the_first_step_waits_too(host, shown, monkeypatch):
    """A run that ends soon is shown once."""
    patience(monkeypatch, 1000)
    monkeypatch.setattr(_driver, "CROWD", 0)
    await host.start("r", {"calls": CALLS})

    assert (await host.ended("r"))[0] == "completed"
    assert shown == [tuple(ALL)]


@pytest.mark.parametrize("kept", [0, 1000], ids=["in-the-store", "in-memory"])
async def test_a_run_that_waits_for_its_activity_is_shown_meanwhile(host, work, shown, monkeypatch, kept):
    """However long the activity takes: what was published before it is shown within a moment."""
    monkeypatch.setattr(_engine, "IDLE_RUNS", kept)
    work.held = 3
    await host.start("r", {"calls": CALLS})
    await asyncio.wait_for(work.reached.wait(), 5)

    await asyncio.wait_for(host.until(lambda: host.statuses("r") == ALL[:4]), 5)
    await asyncio.wait_for(host.until(lambda: not host.engine._unpublished and not host.engine._publishing), 5)
    work.gate.set()

    assert (await host.ended("r"))[0] == "completed"
    assert host.statuses("r") == ALL


@pytest.mark.parametrize("later", [0, 1000], ids=["at-once", "at-the-end"])
async def test_what_was_not_shown_before_a_restart_is_shown_after_it(host, work, shown, monkeypatch, later):
    """From the journal, once each: what was shown is not shown again."""
    patience(monkeypatch, 1000)
    work.held = 4
    await host.start("r", {"calls": CALLS})
    await asyncio.wait_for(work.reached.wait(), 5)
    assert host.statuses("r") == ALL[:1]

    patience(monkeypatch, later)
    await host.restart()
    await asyncio.wait_for(host.until(lambda: host.statuses("r") == ALL[:5]), 5)
    await host.restart()
    work.gate.set()

    assert (await host.ended("r"))[:2] == ("completed", sum(range(1, CALLS + 1)))
    assert host.statuses("r") == ALL


async def test_a_snapshot_shows_what_led_to_it(host, work, shown, monkeypatch):
    """The events are forgotten with it."""
    patience(monkeypatch, 1000)
    work.held = 70
    await host.start("r", {"calls": 80})
    await asyncio.wait_for(work.reached.wait(), 5)
    assert len(host.statuses("r")) == 64

    await host.restart()
    work.gate.set()

    assert (await host.ended("r"))[0] == "completed"
    assert host.statuses("r") == [{"done": at} for at in range(81)]


async def test_what_cannot_be_shown_parks_the_run_with_its_reason(host, shown, monkeypatch, caplog):
    """The reason is shown all the same, and a recovery shows nothing twice."""
    patience(monkeypatch, 1000)
    host.refuses = True
    await host.start("r", {"calls": CALLS})

    outcome, _, reason = await host.ended("r")

    assert (outcome, "ZeroDivisionError" in caplog.text, "Zero" in reason) == ("parked", True, False)
    assert [status["status"]["error"] for status in host.statuses("r")[1:]] == [reason]


async def test_a_parked_run_that_is_recovered_shows_nothing_twice(host, work, shown, monkeypatch, runners):
    """What it had published is shown when it is parked."""
    patience(monkeypatch, 1000)
    advance = Counting.advance

    def failing(self, state, event):
        return advance(self, state, event) if state["done"] < 3 else 1 / 0

    monkeypatch.setattr(Counting, "advance", failing)
    await host.start("r", {"calls": CALLS})
    assert (await host.ended("r"))[0] == "parked"
    assert host.statuses("r")[:4] == ALL[:4]

    monkeypatch.setattr(Counting, "advance", advance)
    await host.store.run(lambda tx: host.engine.recover(tx, "r"))

    assert (await host.ended("r"))[0] == "completed"
    assert [status for status in host.statuses("r") if "done" in status] == ALL
