"""What drives a scenario: the memory engine, the local engine, or that with a crash at each of its writes, Temporal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from kit_temporal import on_temporal
from stigmer_plugin_engine_local._engine import LocalEngine
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram

from stigmer_core.program import Failure, Run, Runner
from stigmer_core.store import Migrations, Store
from stigmer_core.testing.memory_engine import MemoryEngine
from stigmer_core.vault import RootKeys, Vault

RUN = "wex_1"
SCHEMA = [Migrations(owner="stigmer-plugin-engine-local", package="stigmer_plugin_engine_local")]
DEADLINE_SECONDS = 120
ENDED = "SELECT outcome, result FROM engine_run WHERE run_id = ?"
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})")


@dataclass
class Ended:
    """How a run ended, and what it showed on the way."""

    output: object
    failure: Failure | None
    cancelled: bool
    statuses: list = field(default_factory=list)


class Crash(BaseException):
    """The process is gone: nothing of it runs any further."""


class CrashingStore:
    """A store that is gone at its n-th write: before it is made, or after, when nobody hears of it any more."""

    def __init__(self, store, at, *, durable):
        self._store, self._left, self._durable = store, at, durable
        self.crashed = asyncio.Event()

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def run(self, function):
        if self.crashed.is_set():
            await asyncio.Future()
        self._left -= 1
        if self._left > 0:
            return await self._store.run(function)
        if self._durable:
            await self._store.run(function)
        self.crashed.set()
        return await asyncio.Future()


async def in_memory(document, value, activities, secrets):
    """Drive a run without a store; time jumps to its timers."""
    run = {"id": RUN, "document": document, "input": value, "secrets": secrets}
    return await MemoryEngine(WorkflowProgram(), activities, {"workflow": WorkflowProgram()}).run(run, run_id=RUN)


async def locally(document, value, activities, secrets):
    """Drive a run on the local engine over a database file."""
    with tempfile.TemporaryDirectory() as folder:
        host = LocalHost(Path(folder) / "stigmer.db", activities)
        return await host.ended(document, value, secrets)


async def through_crashes(document, value, activities, secrets):
    """Drive a run once for each of its writes, with a crash at that write; every time it must end alike."""
    expected, ended = None, None
    for at in range(1, 200):
        for durable in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                host = LocalHost(Path(folder) / "stigmer.db", activities)
                crashed = await host.crash(document, value, secrets, at=at, durable=durable)
                ended = await host.ended(document, value, secrets)
            expected = expected or ended
            assert _result(ended) == _result(expected), (at, durable)
            if not crashed:
                return ended
    raise AssertionError("the run makes too many writes to crash at each")


def _result(ended):
    """Return how a run ended, without the moments, in which runs differ."""
    return (MOMENT.sub("then", json.dumps(ended.output, sort_keys=True)), ended.failure, ended.cancelled)


class LocalHost:
    """A home of the local engine: a database file, and the engine over it."""

    def __init__(self, path, activities):
        self._path = path
        self._activities = activities
        self._statuses = []

    async def crash(self, document, value, secrets, *, at, durable):
        """Run until the n-th write, and forget everything but the file; return whether it came to that."""
        with contextlib.closing(Store.open(self._path, migrations=SCHEMA)) as store:
            crashing = CrashingStore(store, at, durable=durable)
            engine = self._engine(crashing)
            await engine.open()
            self._start(store, engine, document, value, secrets)
            waiting = [asyncio.create_task(crashing.crashed.wait()), asyncio.create_task(self._end(store))]
            done, left = await asyncio.wait(waiting, timeout=DEADLINE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            assert done
            for task in left:
                task.cancel()
            await engine.close()
            return crashing.crashed.is_set()

    async def ended(self, document, value, secrets):
        """Run, or go on, to the end."""
        with contextlib.closing(Store.open(self._path, migrations=SCHEMA)) as store:
            engine = self._engine(store)
            await engine.open()
            self._start(store, engine, document, value, secrets)
            outcome, result = await asyncio.wait_for(self._end(store), DEADLINE_SECONDS)
            await engine.close()
        failure = None if outcome == "completed" else Failure(**result)
        return Ended(result if failure is None else None, failure, outcome == "cancelled", self._statuses)

    def _engine(self, store):
        runner = Runner("workflow", WorkflowProgram(), self._activities, check)
        return LocalEngine(store, {"workflow": runner}, self._publish, Vault(RootKeys(self._path.parent / "root.key")))

    def _publish(self, _tx, _run_id, *statuses):
        self._statuses.extend(statuses)

    def _start(self, store, engine, document, value, secrets):
        run = Run(RUN, "workflow", {"id": RUN, "document": document, "input": value, "secrets": secrets})
        store.run_blocking(lambda tx: engine.start(tx, run))  # a run that is there is left as it is

    async def _end(self, store):
        """Return outcome and result of the run once it has ended."""
        while True:
            rows = store.read(lambda reader: reader.execute(ENDED, (RUN,)))
            if rows and rows[0][0]:
                return rows[0][0], json.loads(rows[0][1])
            await asyncio.sleep(0.001)


DRIVERS = {"memory": in_memory, "local": locally, "crash": through_crashes, "temporal": on_temporal}
