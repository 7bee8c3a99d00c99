"""A run goes on in another execution before its history is too long, and nothing is lost on the way."""

from __future__ import annotations

import asyncio

import pytest
from temporal_host import Host
from temporal_programs import Counting, Parent, Waiting

from stigmer_core.program import Runner

LIMITS = {"events": 40, "bytes": 10**9}


async def work(argument, _context):
    """Return the argument."""
    return argument


@pytest.fixture
async def host(tmp_path, server):
    """Return a host whose executions are short."""
    runners = {
        "test": Runner("test", Counting(), {"work": work}),
        "waiting": Runner("waiting", Waiting()),
        "parent": Runner("parent", Parent()),
    }
    host = Host(tmp_path / "stigmer.db", runners, server.address)
    host.limits = LIMITS
    await host.open()
    yield host
    await host.end_all()
    await host.close()


async def executions(host, run_id):
    """Return how many executions a run has taken, from its last one's attributes."""
    count, execution = 1, (await host.handle(run_id).describe()).run_id
    client = host.engine._connection.client
    while True:
        handle = client.get_workflow_handle(host.handle(run_id).id, run_id=execution)
        first = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
        execution = first.continued_execution_run_id
        if not execution:
            return count
        count += 1


async def test_run_of_many_calls_takes_several_executions(host):
    """Its results and statuses are those of one."""
    run_id = await host.start({"calls": 20})

    assert await host.ended(run_id) == ("completed", list(range(20)))
    assert [one["done"] for one in host.statuses(run_id)] == list(range(21))
    assert await executions(host, run_id) >= 3


async def test_signals_are_carried_over(host):
    """Those that come at any moment are taken once, in order, and a timer keeps its time."""
    run_id = await host.start({"seconds": 600}, "waiting")
    names = [f"signal-{at}" for at in range(60)]
    for name in names:
        await host.signal(run_id, name, signal_id=name)
        await asyncio.sleep(0.01)
    await host.until(lambda: host.query("SELECT count(*) FROM temporal_outbox")[0][0] == 0)
    state = await host.handle(run_id).query("state")
    await host.signal(run_id, "stop")

    assert [request["id"] for request in state["outstanding"]] == ["/wait"]
    assert await host.ended(run_id) == ("completed", names)
    assert await executions(host, run_id) >= 2
