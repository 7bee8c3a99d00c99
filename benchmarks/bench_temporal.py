"""Programs on Temporal beside plain workflows that do the same: events in history per run, and runs per second.

    python benchmarks/bench_temporal.py [--runs N] [--rounds N]

One development server, one worker for either side in this process; the runs of a round are started together. The
engine encrypts every value and records what each run shows in its store, at full durability; the plain workflows show
nothing. Rounds of the sides are interleaved, the median counts.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
import uuid
from pathlib import Path

import temporal_plain as plain
from stigmer_plugin_engine_temporal._engine import TemporalEngine
from stigmer_plugin_engine_temporal._names import workflow_id
from stigmer_plugin_engine_temporal._options import Options
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from temporalio.client import Client
from temporalio.worker import Worker

from stigmer_core.program import Run, Runner
from stigmer_core.store import Migrations, Store
from stigmer_core.vault import RootKeys, Vault

SCHEMA = [Migrations(owner="stigmer-plugin-engine-temporal", package="stigmer_plugin_engine_temporal")]
WANTED_RATE, WANTED_EVENTS = 0.9, 1.2
CHILD = {"a": {"run": {"workflow": {"namespace": "bench", "name": "child", "version": "1.0.0"}}}}


def document(tasks):
    """Return a document."""
    return {"document": {"dsl": "1.0.3", "namespace": "bench", "name": "case", "version": "1.0.0"}, "do": tasks}


def pure(count):
    """Return tasks that touch nothing."""
    return [{f"set{at}": {"set": {"value": at}}} for at in range(count)]


def calls(count):
    """Return calls."""
    return [{f"call{at}": {"call": "http", "with": {"method": "get", "endpoint": "http://x"}}} for at in range(count)]


def children(count):
    """Return child runs, as the program asks for them: found first, then started."""
    return [{f"child{at}": CHILD["a"]} for at in range(count)]


CASES = {
    "20 pure tasks": (document(pure(20)), ("steps", [20, 0])),
    "20 pure tasks, 2 calls": (document([*pure(20), *calls(2)]), ("steps", [20, 2])),
    "20 calls": (document(calls(20)), ("steps", [0, 20])),
    "5 child runs": (document(children(5)), ("parent", [5])),
}


async def http(_arguments, _context):
    """Return what the plain activity returns."""
    return {"done": True}


async def find(_arguments, _context):
    """Return the child's document."""
    return {"document": document(pure(1))}


class Engine:
    """The engine over a store, as a server has it."""

    def __init__(self, home, address):
        self._store = Store.open(home / "stigmer.db", migrations=SCHEMA)
        activities = {"http": http, "find_workflow": find}
        runner = Runner("workflow", WorkflowProgram(), activities, short=frozenset({"find_workflow"}))
        vault = Vault(RootKeys(home / "root.key"))
        options = Options(address=address)
        self.engine = TemporalEngine(self._store, {"workflow": runner}, self._publish, vault, options)
        self._ended = 0

    def _publish(self, tx, run_id, *statuses):
        for status in statuses:
            tx.append_event(run_id, type="status", body=repr(status).encode())
            self._ended += status.get("status", {}).get("phase") in ("EXECUTION_COMPLETED", "EXECUTION_FAILED")

    async def run_all(self, given, runs):
        """Run a document so many times at once; return the id of one workflow."""
        self._ended = 0
        ids = [f"wex_{uuid.uuid4().hex}" for _ in range(runs)]
        value = {"document": given, "input": {}}
        starts = [Run(run_id, "workflow", {"id": run_id, **value}) for run_id in ids]
        await asyncio.gather(*(self._store.run(lambda tx, run=run: self.engine.start(tx, run)) for run in starts))
        while self._ended < runs:  # noqa: ASYNC110 - counted on the writer's thread
            await asyncio.sleep(0.002)
        return workflow_id("workflow", ids[0])

    async def close(self):
        """Stop it."""
        await self.engine.close()
        self._store.close()


async def length(client, identity):
    """Return the events of a workflow's history."""
    while True:
        described = await client.get_workflow_handle(identity).describe()
        if described.close_time is not None:
            return described.history_length
        await asyncio.sleep(0.01)


async def measure(runs, rounds, only):
    """Print a line per case; return whether all are as wanted."""
    from stigmer_plugin_engine_temporal._devserver import DevServer  # noqa: PLC0415 - beside the engine

    home = Path(tempfile.mkdtemp(prefix="stg"))
    server = DevServer(home)
    await server.ensure()
    engine = Engine(home, server.address)
    await engine.engine.open()
    client = await Client.connect(server.address)
    worker = Worker(client, task_queue=plain.TASK_QUEUE, workflows=[plain.Steps, plain.Parent], activities=[plain.http])
    good = True
    async with worker:
        for name in [name for name in CASES if name.startswith(only)]:
            good &= await _case(name, rounds, client, engine, runs)
    await engine.close()
    await server.stop()
    return good


async def _case(name, rounds, client, engine, runs):
    given, (kind, arguments) = CASES[name]
    own, other = [], []
    for _ in range(rounds):
        for rates, run in ((own, engine.run_all(given, runs)), (other, _plain(client, kind, arguments, runs))):
            begun = time.perf_counter()
            identity = await run
            rates.append(runs / (time.perf_counter() - begun))
            events = await length(client, identity)
            if rates is own:
                own_events = events
            else:
                other_events = events
    rate = statistics.median(own) / statistics.median(other)
    ratio = own_events / other_events
    good = rate >= WANTED_RATE and ratio <= WANTED_EVENTS
    print(
        f"{name:24} events {own_events:4} : {other_events:4} = {ratio:.2f}   runs/s {statistics.median(own):6.1f} :"
        f" {statistics.median(other):6.1f} = {rate:.2f}   {'ok' if good else 'NOT AS WANTED'}",
        flush=True,
    )
    return good


async def _plain(client, kind, arguments, runs):
    suffix = uuid.uuid4().hex
    starts = [
        client.execute_workflow(kind, args=arguments, id=f"{suffix}-{at}", task_queue=plain.TASK_QUEUE)
        for at in range(runs)
    ]
    await asyncio.gather(*starts)
    return f"{suffix}-0"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", default="", help="one that begins like this")
    given = parser.parse_args()
    raise SystemExit(0 if asyncio.run(measure(given.runs, given.rounds, given.case)) else 1)
