"""Plain steps of many runs are recorded together; each of them counts for itself."""

from __future__ import annotations

import asyncio

import pytest
from local_engine_host import Host
from local_engine_programs import Counting
from stigmer_plugin_engine_local import _driver, _store

from stigmer_core.errors import AlreadyExistsError, ResourceExhaustedError
from stigmer_core.program import CallActivity, Complete, Run, Runner, Step

RUNS, CALLS = 10, 5


class Noting:
    """Calls an activity, and completes with the kinds of the events up to its answer."""

    def start(self, input, now):  # noqa: A002, ARG002 - the protocol's words
        """Make the first step."""
        return Step([], [CallActivity("/call", "work", 0)])

    def advance(self, state, event):
        """Make the next step."""
        kinds = [*state, type(event).__name__]
        if kinds[-1] == "ActivityDone" and len(kinds) > 1:
            return Step(kinds, [Complete(kinds)])
        return Step(kinds, [CallActivity("/again", "work", 0)] if kinds == ["ActivityDone"] else [])


class MeddlingStore:
    """A store in which something happens right before the n-th write of the engine."""

    def __init__(self, store, write, happens):
        self._store = store
        self._left = write
        self._happens = happens

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def run(self, function):
        """Run a function."""
        self._left -= 1
        if self._left == 0:
            await self._happens()
        return await self._store.run(function)


class Together:
    """An activity that returns once every run calls it."""

    def __init__(self):
        self.barrier = asyncio.Barrier(RUNS)

    async def __call__(self, arguments, _context):
        """Wait for the others."""
        await self.barrier.wait()
        return arguments + 1


class Held:
    """An activity that says when it is called, and never returns."""

    def __init__(self):
        self.called = asyncio.Event()

    async def __call__(self, _arguments, _context):
        """Wait for ever."""
        self.called.set()
        await asyncio.Event().wait()


async def add_one(arguments, _context):
    """Return the argument plus one."""
    return arguments + 1


@pytest.fixture
def runners():
    """Return a runner for each program."""
    activities = {"noting": add_one, "counting": add_one, "together": Together(), "held": Held()}
    programs = {"noting": Noting(), "counting": Counting(), "together": Counting(), "held": Noting()}
    return {name: Runner(name, programs[name], activities={"work": activities[name]}) for name in programs}


@pytest.fixture
async def crowd(tmp_path, runners, monkeypatch):
    """Return a host in which only the ends of runs are shown."""
    monkeypatch.setattr(_driver, "CROWD", 0)
    monkeypatch.setattr(_driver, "PUBLISH_SECONDS", 1000)
    host = await Host(tmp_path / "stigmer.db", runners).open()
    yield host
    await host.close()


async def test_steps_of_many_runs_are_one_write(crowd):
    """Ten runs that begin, and have their answers, at the same moments are recorded at each of them in one go."""
    run_ids = [f"r{number}" for number in range(RUNS)]
    before = crowd.store.stats.saves
    runs = [Run(run_id, "together", {"calls": CALLS}) for run_id in run_ids]
    await crowd.store.run(lambda tx: [crowd.engine.start(tx, run) for run in runs] and None)

    assert {(await crowd.ended(run_id))[:2] for run_id in run_ids} == {("completed", sum(range(1, CALLS + 1)))}
    assert [crowd.statuses(run_id) for run_id in run_ids] == [[{"done": at} for at in range(CALLS + 1)]] * RUNS
    ends = RUNS
    assert crowd.store.stats.saves - before <= 1 + 1 + (CALLS - 1) + ends


@pytest.fixture
def meddling(crowd):
    """Return a function that opens the host again, over a store in which something happens before the n-th write."""

    async def reopen(write, happens):
        await crowd.engine.close()
        return await crowd.open(MeddlingStore(crowd.store, write, happens))

    return reopen


async def test_what_others_have_recorded_comes_first(crowd, meddling):
    """A signal that is stored between an answer and its record comes before it."""
    await meddling(3, lambda: crowd.signal("r", "hello"))
    await crowd.start("r", None, runner="noting")

    assert (await crowd.ended("r"))[:2] == ("completed", ["Signal", "ActivityDone"])


@pytest.mark.parametrize("write", [2, 3], ids=["begin", "answer"])
async def test_steps_that_cannot_be_recorded_together_are_recorded_alone(crowd, meddling, write):
    """An error of one is not that of the others."""

    async def fail():
        raise ResourceExhaustedError("no space is left")

    await meddling(write, fail)
    await crowd.start("r", {"calls": CALLS}, runner="counting")

    assert (await crowd.ended("r"))[:2] == ("completed", sum(range(1, CALLS + 1)))
    assert crowd.statuses("r") == [{"done": at} for at in range(CALLS + 1)]


async def test_run_that_was_just_stored_is_not_read_to_begin(crowd, runners):
    """What it was stored with is known."""
    before = crowd.store.stats.reads
    await crowd.start("r", None, runner="held")
    await asyncio.wait_for(runners["held"].activities["work"].called.wait(), 5)

    assert crowd.store.stats.reads == before


async def test_run_begins_once(crowd):
    """What is known of a run that was just stored may be old: somebody else may have driven it, even to its end."""
    await crowd.start("r", {"calls": CALLS}, runner="counting")
    await crowd.ended("r")

    with pytest.raises(AlreadyExistsError):
        await crowd.store.run(lambda tx: _store.begin(tx, ("r", True)))
