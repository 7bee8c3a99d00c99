"""A run that waits for a time keeps nothing open in Temporal but a schedule, and goes on as if it had not slept."""

from __future__ import annotations

import asyncio

import pytest
from temporal_host import Host
from temporal_programs import Ticking
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from stigmer_core.program import Runner

BEGUN, GO_ON = [], asyncio.Event()


async def work(argument, context):
    """Return the argument, once a test lets it go on."""
    BEGUN.append(context.run_id)
    await GO_ON.wait()
    return argument


@pytest.fixture
async def host(tmp_path, server, monkeypatch):
    """Return a host whose runs sleep from two seconds on."""
    monkeypatch.setattr("stigmer_plugin_engine_temporal._engine.SLEEP_FROM_SECONDS", 2)
    GO_ON.set()
    host = Host(tmp_path / "stigmer.db", {"ticking": Runner("ticking", Ticking(), {"work": work}, sleeps=True)}, "")
    host.options = type(host.options)(address=server.address)
    await host.open()
    yield host
    await host.end_all()
    await host.close()


def is_asleep(host, run_id):
    """Return whether a run sleeps."""
    return host.query("SELECT asleep_until FROM temporal_run WHERE run_id = ?", run_id)[0][0][:1].isdigit()


async def asleep(host, run_id):
    """Wait until a run sleeps, and return its schedule."""
    await host.until(lambda: is_asleep(host, run_id))
    await host.until(lambda: not host.query("SELECT 1 FROM temporal_outbox WHERE run_id = ?", run_id))
    return host.engine._connection.client.get_schedule_handle(host.handle(run_id).id)


async def gone(schedule):
    """Return whether a schedule is not there."""
    try:
        await schedule.describe()
    except RPCError:
        return True
    return False


async def test_run_wakes_at_each_of_its_times(host):
    """It calls its activity at each, and its schedule goes with its end."""
    run_id = await host.start({"times": 2, "seconds": 4}, "ticking")
    schedule = await asleep(host, run_id)
    status = (await host.handle(run_id).describe()).status
    await host.until(lambda: host.outcome(run_id))

    assert status == WorkflowExecutionStatus.COMPLETED
    assert [one["tick"] for one in host.statuses(run_id)] == [0, 1, 2]
    await host.until(lambda: not host.query("SELECT 1 FROM temporal_outbox WHERE run_id = ?", run_id))
    assert await gone(schedule)


async def test_cancel_wakes_a_run(host):
    """Its program ends it, in its own words; nothing of it is left."""
    run_id = await host.start({"times": 2, "seconds": 600}, "ticking")
    schedule = await asleep(host, run_id)
    await host.cancel(run_id)
    await host.until(lambda: host.outcome(run_id))
    await host.until(lambda: not host.query("SELECT 1 FROM temporal_outbox WHERE run_id = ?", run_id))

    assert host.outcome(run_id) == "cancelled"
    assert await gone(schedule)


async def test_signal_wakes_a_run(host):
    """It is not lost, and the run goes back to sleep."""
    run_id = await host.start({"times": 1, "seconds": 600}, "ticking")
    await asleep(host, run_id)
    await host.signal(run_id, "hello", signal_id="once")
    await host.until(lambda: {"heard": "hello"} in host.statuses(run_id))
    await host.signal(run_id, "hello", signal_id="once")
    await host.signal(run_id, "bye")
    await host.until(lambda: {"heard": "bye"} in host.statuses(run_id))

    assert [one["heard"] for one in host.statuses(run_id) if "heard" in one] == ["hello", "bye"]
    await host.cancel(run_id)
    await host.until(lambda: host.outcome(run_id))


async def test_what_was_due_while_nothing_ran_is_caught_up_with(host):
    """The server was away at the time: the run is woken when it is back."""
    run_id = await host.start({"times": 1, "seconds": 4}, "ticking")
    await asleep(host, run_id)
    await host.close()
    await host.open()

    await host.until(lambda: host.outcome(run_id))
    assert [one["tick"] for one in host.statuses(run_id)] == [0, 1]


async def test_signal_to_a_woken_run_reaches_it_at_work(host):
    """A run that its schedule has woken is one workflow, which takes what is sent while its activity is in flight."""
    GO_ON.clear()
    run_id = await host.start({"times": 1, "seconds": 4}, "ticking")
    await asleep(host, run_id)
    await host.until(lambda: run_id in BEGUN)
    await host.signal(run_id, "hello")
    await host.until(lambda: {"heard": "hello"} in host.statuses(run_id))
    GO_ON.set()
    await host.until(lambda: host.outcome(run_id))

    assert host.statuses(run_id) == [{"tick": 0}, {"heard": "hello"}, {"tick": 1}]
    assert BEGUN.count(run_id) == 1
