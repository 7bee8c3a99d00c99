"""What `bench_engine.py` measures of the local engine: each part runs in a process of its own and prints JSON.

A part is a whole installation in a fresh home: every installed plugin, the store with its own durability, the engine,
the runner. Runs are WorkflowExecutions of a stored workflow, created with the API's `create` as `stigmer run` does it,
but over the in-process channel; each publishes its status into its execution. One activity is added, `bench.touch`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from figures import percentile, resident_bytes
from stigmer_plugin_engine_local import _store

from stigmer_core.api.v1 import resources_pb2 as pb
from stigmer_core.app import App
from stigmer_core.process import spare_collector
from stigmer_core.settings import load_settings
from stigmer_core.testing.server import ServerProcess

try:
    from uvloop import run as run_loop  # what the server runs on
except ImportError:
    from asyncio import run as run_loop

STEPS = 20
CALLERS = 64
CREATE = "/ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController/create"
TOUCH = {"call": "stigmer:activity", "with": {"activity": "bench.touch", "input": {"n": "${ .n }"}}}
PURE = [{f"set{number}": {"set": {"n": "${ .n + 1 }"}}} for number in range(STEPS)]
ACTIVITIES = [{f"touch{number}": TOUCH} for number in range(STEPS)]
LOOP = [{"loop": {"for": {"each": "item", "in": "${ [range(.n)] }"}, "do": [{"touch": TOUCH}]}}]
TIMER = [{"rest": {"wait": "${ .rest }"}}]


async def touch(arguments, _context):
    """Return the next number: an activity that costs nothing itself."""
    return {"n": arguments["n"] + 1}


class Installation:
    """An installation with one stored workflow."""

    def __init__(self, app):
        self.app, self.workflow_id = app, ""
        runner = app.host.runners["workflow"]
        runner.activities["bench.touch"] = runner.wiring.with_secrets(touch)
        self._create = app.channel().unary_unary(
            CREATE, WorkflowExecution.SerializeToString, WorkflowExecution.FromString
        )

    async def store_workflow(self, tasks):
        """Store the workflow that is run."""
        document = {"document": {"dsl": "1.0.3", "namespace": "bench", "name": "bench", "version": "1.0.0"}}
        apply = self.app.channel().unary_unary(
            "/stigmer.core.v1.ResourceService/Apply", pb.ApplyRequest.SerializeToString, pb.ApplyResponse.FromString
        )
        self.workflow_id = (await apply(pb.ApplyRequest(json=json.dumps({**document, "do": tasks})))).document.id

    async def start(self, value):
        """Create an execution, which starts its run; return its id."""
        execution = WorkflowExecution(api_version="agentic.stigmer.ai/v1", kind="WorkflowExecution")
        execution.metadata.org = "local"
        execution.spec.workflow_id, execution.spec.trigger_message = self.workflow_id, json.dumps(value)
        return (await self._create(execution)).metadata.id

    async def start_many(self, count, value):
        """Create executions from concurrent callers; `value` is called for the input of each."""
        left = iter(range(count))

        async def caller():
            for _ in left:
                await self.start(value())

        await asyncio.gather(*(caller() for _ in range(CALLERS)))

    async def ended(self):
        """Wait until no run is under way."""
        while self.query("SELECT count(*) FROM engine_run WHERE outcome = ''")[0][0]:  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.01)

    def query(self, sql):
        """Return the rows of a query."""
        return self.app.store.read(lambda reader: reader.execute(sql))

    def require(self, outcome, count):
        """Fail unless so many runs ended so, the rest not at all."""
        found = dict(self.query("SELECT outcome, count(*) FROM engine_run GROUP BY outcome"))
        if found != {outcome: count}:
            raise AssertionError(f"runs ended wrong: {found}, wanted {count} {outcome}")


@contextlib.asynccontextmanager
async def installation(tasks):
    """Yield an installation in a fresh home that has stored a workflow of these tasks."""
    with tempfile.TemporaryDirectory(prefix="stg") as folder:
        app = App.compose(load_settings(home=Path(folder) / "h"))
        await app.open()
        spare_collector()  # as the server does
        try:
            here = Installation(app)
            await here.store_workflow(tasks)
            yield here
        finally:
            await app.close()


async def throughput(kind, runs):
    """Return workflows per second: from the first `create` until the last run is recorded as ended."""
    async with installation(PURE if kind == "pure" else ACTIVITIES) as here:
        await here.start_many(CALLERS, lambda: {"n": 0})
        await here.ended()
        stats, (commits, begun) = here.app.store.stats, (here.app.store.stats.commits, time.perf_counter())
        await here.start_many(int(runs), lambda: {"n": 0})
        await here.ended()
        seconds = time.perf_counter() - begun
        here.require("completed", CALLERS + int(runs))
        return {"per_second": int(runs) / seconds, "commits": (stats.commits - commits) / int(runs)}


async def rows():
    """Return the journal rows that one run of each kind adds: appended ones, for those of ended runs are removed."""
    found = {}
    for name, tasks in (("pure", PURE), ("activities", ACTIVITIES)):
        appended, append = [], _store.append

        def counted(tx, *entries, append=append, appended=appended):
            appended.extend(entries)
            append(tx, *entries)

        _store.append = counted
        async with installation(tasks) as here:
            await here.start({"n": 0})
            await here.ended()
            here.require("completed", 1)
        _store.append, found[name] = append, len(appended)
    return found


async def loop(iterations):
    """Return what a loop with an activity in each iteration holds at 1, 10, 50 and 100 % of the way."""
    count, done, marks = int(iterations), 0, []
    shares = [0.01, 0.1, 0.5, 1.0]

    async def counted(arguments, context):
        nonlocal done
        done += 1
        if shares and done >= count * shares[0]:
            marks.append({"share": shares.pop(0), **held(here), "seconds": time.perf_counter() - begun})
        return await touch(arguments, context)

    async with installation(LOOP) as here:
        runner = here.app.host.runners["workflow"]
        runner.activities["bench.touch"] = runner.wiring.with_secrets(counted)
        begun = time.perf_counter()
        await here.start({"n": count})
        await here.ended()
        here.require("completed", 1)
        return {"marks": marks, "per_second": count / (time.perf_counter() - begun)}


def held(here):
    """Return the process's memory, the journal's rows and bytes, and the bytes of the snapshot and of files."""
    ((journal_rows, journal_bytes),) = here.query("SELECT count(*), ifnull(sum(length(event)), 0) FROM engine_journal")
    snapshot = here.query("SELECT ifnull(sum(length(state)), 0) FROM engine_run")[0][0]
    claims = here.query("SELECT ifnull(sum(length(sealed)), 0) FROM engine_claim")[0][0]
    file_bytes = sum(file.stat().st_size for file in here.app.home.path.glob(f"{here.app.home.database.name}*"))
    sizes = {"rows": journal_rows, "journal": journal_bytes, "snapshot": snapshot + claims, "files": file_bytes}
    return {"rss": resident_bytes(os.getpid()), **sizes}


async def timers(count, gap):
    """Return how late timers fire that are all due in one second, and how late their runs are recorded as ended.

    A timer has fired when that is durable; a few that are due at a time count from when their steps begin.
    `gap` is the seconds until then, in which they must all be armed.
    """
    count, fired = int(count), {}
    async with installation(TIMER) as here:
        first, number = time.time() + float(gap), iter(range(count))
        firing = here.app.engine._firing
        write, deliver = firing._write, firing._deliver

        async def written(events):
            await write(events)
            fired.update(dict.fromkeys((run_id for run_id, _ in events), time.time()))

        def delivered(run_id, event):
            fired[run_id] = time.time()
            deliver(run_id, event)

        firing._write, firing._deliver = written, delivered

        def rest():
            milliseconds = (first + next(number) / count - time.time()) * 1e3
            return {"rest": {"milliseconds": max(round(milliseconds), 1)}}

        await here.start_many(count, rest)
        while (armed := here.query("SELECT count(*) FROM engine_timer")[0][0]) < count and time.time() < first:  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.05)
        spare = first - time.time()
        rows = here.query("SELECT run_id, due FROM engine_timer")
        due = {run_id: datetime.fromisoformat(moment).timestamp() for run_id, moment in rows}
        await here.ended()
        here.require("completed", count)
        ends = dict(here.query("SELECT run_id, ended_at FROM engine_run"))
    late = [fired[run_id] - moment for run_id, moment in due.items() if run_id in fired]
    recorded = [datetime.fromisoformat(ends[run]).astimezone(UTC).timestamp() - due[run] for run in due]
    return {"armed": armed, "spare": spare, "fired": spread(late), "ended": spread(recorded)}


def spread(seconds):
    """Return p50, p99 and the largest, in ms."""
    return [percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds) * 1e3]


async def idle():
    """Return the memory of a server that has just started, and of the same one some seconds later."""
    with tempfile.TemporaryDirectory(prefix="stg") as folder, ServerProcess(Path(folder) / "h") as server:
        start = resident_bytes(server.pid)
        await asyncio.sleep(5)
        later = resident_bytes(server.pid)
        server.stop()
        return {"start": start, "later": later}


PARTS = {part.__name__: part for part in (throughput, rows, loop, timers, idle)}


if __name__ == "__main__":
    print(json.dumps(run_loop(PARTS[sys.argv[1]](*sys.argv[2:]))))
