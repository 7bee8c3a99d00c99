"""Large values go when nobody needs them, never before."""

from __future__ import annotations

import asyncio
import os
import time

import pytest
from stigmer_plugin_engine_temporal._claims_folder import FolderClaims
from stigmer_plugin_engine_temporal._collector import Collector
from stigmer_plugin_engine_temporal._names import workflow_id
from temporal_values import noise, script_runners
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError

from stigmer_core.errors import UnavailableError

LARGE = 300_000


@pytest.fixture
def runners():
    """Return runners of scripts."""
    return script_runners()


@pytest.fixture
def collector(host):
    """Return a collector that takes nothing for new."""
    claims = FolderClaims.open(host.path.parent / "claims", make=False)
    return Collector(host.store, host.engine._connection, claims, ["script"], unused_seconds=0)


def has(host, run_id):
    """Return whether a run has large values."""
    return (host.path.parent / "claims" / f"run-{run_id}").exists()


async def forget(host, run_id):
    """Make Temporal forget a run, as it does after the retention."""
    client = host.engine._connection.client
    execution = WorkflowExecution(workflow_id=workflow_id("script", run_id))
    request = DeleteWorkflowExecutionRequest(namespace="default", workflow_execution=execution)
    await client.workflow_service.delete_workflow_execution(request)
    while await is_there(client, execution.workflow_id):  # noqa: ASYNC110 - Temporal has no event for it
        await asyncio.sleep(0.05)


async def is_there(client, identity):
    """Return whether Temporal has a workflow, or lists it."""
    try:
        await client.get_workflow_handle(identity).describe()
    except RPCError:
        return bool([one async for one in client.list_workflows(f"WorkflowId = '{identity}'")])
    return True


async def test_values_go_with_the_last_history_that_has_them(host, collector):
    """Not while Temporal has the run: it may be replayed for a query. Nor while it has a child that outlived it."""
    alone = await host.start({"steps": [["call", "make"]], "value": LARGE}, "script")
    parent = await host.start({"steps": [["child", [["call", "make"]]]], "value": LARGE}, "script")
    failed = await host.start({"steps": [["call", "measure"], ["call", "none"]], "value": noise(LARGE)}, "script")
    await asyncio.gather(*(host.ended(one) for one in (alone, parent, failed)))
    untouched = await collector.collect()
    await asyncio.gather(*(forget(host, one) for one in (alone, parent, failed)))
    first = await collector.collect()

    assert (untouched, first) == (0, 1)
    assert [has(host, one) for one in (alone, parent, failed)] == [False, True, True]  # the last may be recovered
    await forget(host, f"{parent}/step0")
    await collector.collect()
    assert not has(host, parent)


async def test_values_of_a_run_that_goes_on_stay(host, collector):
    """However often one looks, also for an engine that knows the run from its history only."""
    run_id = await host.start({"steps": [["call", "make"], ["wait"], ["call", "measure"]], "value": LARGE}, "script")
    await host.until(lambda: has(host, run_id))
    await collector.collect()
    await host.close()
    await host.open()
    await host.signal(run_id, "go", noise(LARGE))

    assert await host.ended(run_id) == ("completed", LARGE)


async def test_young_values_stay(host, collector):
    """What is written before Temporal has heard of its run is not taken for an orphan; an old orphan goes."""
    claims = collector._claims
    await claims.put("young", "d", b"content")
    await claims.put("old", "d", b"content")
    for path in (folder := host.path.parent / "claims" / "run-old") / "d", folder:
        os.utime(path, (0, time.time() - 7_200))
    collector._unused_seconds = 3_600

    assert await collector.collect() == 1
    assert await claims.runs() == ["young"]


async def test_value_that_is_used_again_is_put_back(tmp_path):
    """Whoever keeps a value while its run's are being removed still has it afterwards."""
    claims = FolderClaims.open(tmp_path / "claims", make=True)
    await claims.put("run/..", "one", b"1")
    removed = await claims.remove("run/..", 3_600)

    assert not removed
    assert await claims.get("run/..", "one") == b"1"
    assert await claims.remove("run/..", 0)
    assert await claims.runs() == []


async def test_temporal_away_removes_nothing(host, collector):
    """Without an answer nothing is concluded."""
    await collector._claims.put("orphan", "d", b"content")

    class Away:
        async def connected(self):
            raise UnavailableError("away")

    collector._connection = Away()
    assert await collector.collect() == 0
    assert await collector._claims.runs() == ["orphan"]
