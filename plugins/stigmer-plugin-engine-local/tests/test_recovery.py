"""What survives: a crash at any write, and at any other moment."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from local_engine_programs import Counting, Parent, Waiting

from stigmer_core.program import Runner

CALLS = 5


async def add_one(arguments, _context):
    """Return the argument plus one."""
    return arguments + 1


@pytest.fixture
def runners():
    """Return a runner for each program."""
    programs = {"test": Counting(), "wait": Waiting(), "parent": Parent()}
    return {name: Runner(name, program, activities={"work": add_one}) for name, program in programs.items()}


class CrashingStore:
    """A store whose writes stop at the n-th: as if the process had died there, before or after the commit."""

    def __init__(self, store, write, *, committed):
        self._store = store
        self._left = write
        self._committed = committed
        self.crashed = asyncio.Event()

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def run(self, function):
        """Run a function, or stop for ever."""
        self._left -= 1
        if self._left > 0:
            return await self._store.run(function)
        if self._left == 0 and self._committed:
            await self._store.run(function)
        self.crashed.set()
        return await asyncio.Event().wait()


@pytest.mark.parametrize("committed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, CALLS + 2))
async def test_crash_at_any_write_resumes_to_the_same_end(host, write, committed):
    """Whatever write was the last, the output is the same and every status is recorded exactly once."""
    store = CrashingStore(host.store, write, committed=committed)
    await host.engine.close()
    await host.open(store)
    store.run, crashing = host.store._store.run, store.run
    await host.start("r", {"calls": CALLS})
    store.run = crashing
    await asyncio.wait_for(store.crashed.wait(), 5)

    await host.restart()

    assert (await host.ended("r"))[:2] == ("completed", sum(range(1, CALLS + 1)))
    assert host.statuses("r") == [{"done": at} for at in range(CALLS + 1)]


async def test_activity_outstanding_at_a_restart_is_called_again_with_its_id(host, runners):
    """At least once for effects: the command's id is the same, and says that this is another attempt."""
    calls, gate = [], asyncio.Event()

    async def work(arguments, context):
        calls.append((context.command_key, context.attempt))
        await gate.wait()
        return arguments + 1

    runners["test"].activities["work"] = work
    await host.start("r", {"calls": 1})
    await host.until(lambda: calls)

    await host.restart()
    gate.set()

    assert (await host.ended("r"))[1] == 1
    assert calls == [("/call#0", 1), ("/call#0", 2)]


async def test_timer_due_while_down_fires_at_the_start(host):
    """Once, and in time for a run that was alone with it."""
    await host.start("r", {"seconds": 0.05}, runner="wait")
    await host.until(lambda: host.query("SELECT count(*) FROM engine_timer") == [(1,)])
    await host.close()
    await asyncio.sleep(0.1)

    await host.open()

    assert (await host.ended("r"))[1] == ["timer"]
    assert host.statuses("r") == [{"fired": True}]


async def test_signals_sent_before_a_restart_are_not_lost(host):
    """They are in the store with the sender's commit."""
    await host.start("r", {"seconds": 1000}, runner="wait")
    await host.signal("r", "a")
    await host.engine.close()
    await host.store.run(lambda tx: host.engine.signal(tx, "r", "b", None))

    await host.restart()
    await host.signal("r", "stop")

    assert (await host.ended("r"))[1] == ["a", "b"]


async def test_snapshot_and_tail_make_the_same_run(host, runners):
    """A run is resumed from the middle of its journal."""
    gate, seen = asyncio.Event(), []

    async def work(arguments, _context):
        seen.append(arguments)
        if arguments == 100:
            await gate.wait()
        return arguments + 1

    runners["test"].activities["work"] = work
    await host.start("r", {"calls": 150})
    await host.until(lambda: seen and seen[-1] == 100)
    assert host.query("SELECT snapshot_sequence FROM engine_run")[0][0] == 64

    await host.restart()
    gate.set()

    assert (await host.ended("r"))[1] == sum(range(1, 151))


async def test_journal_that_does_not_replay_parks_the_run(host):
    """A run that another version wrote is kept from going on wrongly."""
    await host.start("r", {"seconds": 1000}, runner="wait")
    await host.signal("r", "a")
    await host.until(lambda: host.query("SELECT count(*) FROM engine_journal") == [(2,)])
    await host.engine.close()
    sql = 'UPDATE engine_journal SET event = \'{"type":"Nonsense"}\' WHERE sequence = 2'
    await host.store.run(lambda tx: tx.execute(sql))

    await host.restart()
    await host.signal("r", "b")

    outcome, _, reason = await host.ended("r")
    assert outcome == "parked"
    assert reason.startswith("this version of 'wait' cannot replay the journal: ")
    assert "Nonsense" not in reason


@pytest.mark.parametrize("seed", range(3))
def test_killed_process_resumes_to_the_same_end(tmp_path, seed):
    """`kill -9` at random moments: every result is recorded exactly once, and every run ends right."""
    rng = random.Random(seed)
    script = Path(__file__).with_name("killed_process.py")
    kills = 0
    while True:
        process = subprocess.Popen([sys.executable, str(script), str(tmp_path)], stdout=subprocess.PIPE)
        try:
            out, _ = process.communicate(timeout=rng.uniform(0.5, 1.2) if kills < 4 else 60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
            continue
        break

    found = json.loads(out)
    assert kills > 0
    assert all(outcome == "completed" and total == sum(range(1, 101)) for outcome, total in found["runs"])
    assert found["statuses"] == [101] * len(found["runs"])
