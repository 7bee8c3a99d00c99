"""A store with an engine that can be stopped and started like a process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid

from stigmer_plugin_engine_temporal._engine import TemporalEngine
from stigmer_plugin_engine_temporal._names import workflow_id
from stigmer_plugin_engine_temporal._options import Options
from stigmer_plugin_engine_temporal.hooks import stigmer_migrations
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from stigmer_core.program import Run
from stigmer_core.store import Store
from stigmer_core.vault import RootKeys, Vault


def publish(tx, run_id, *statuses):
    """Keep statuses where a test can count them."""
    for status in statuses:
        tx.append_event(run_id, type="status", body=json.dumps(status).encode())


class Host:
    """A store with an engine on a Temporal server; `address` is empty for a server of its own."""

    def __init__(self, path, runners, address):
        self.path = path
        self.runners = runners
        self.options = Options(address=address)
        self.limits = None
        self.publish = publish
        self.store = None
        self.engine = None

    async def open(self):
        """Open the store and the engine over it."""
        self.store = Store.open(self.path, migrations=[stigmer_migrations()])
        vault = Vault(RootKeys(self.path.parent / "root.key"))
        self.engine = TemporalEngine(self.store, self.runners, self._publish, vault, self.options, limits=self.limits)
        await self.engine.open()
        return self

    def _publish(self, *call):
        self.publish(*call)

    async def end_all(self):
        """End what still goes on: later tests share the server, and do not have the keys of this store."""
        for (run_id,) in self.query("SELECT run_id FROM temporal_run WHERE outcome = ''"):
            with contextlib.suppress(RPCError):
                await self.handle(run_id).terminate()

    async def close(self):
        """Stop both, as a process that ends well."""
        await self.engine.close()
        self.store.close()

    async def start(self, value=None, runner="test"):
        """Record a run and return its id."""
        run_id = f"run_{uuid.uuid4().hex}"
        await self.store.run(lambda tx: self.engine.start(tx, Run(run_id, runner, value)))
        return run_id

    async def signal(self, run_id, name, payload=None, signal_id=""):
        """Record a signal."""
        await self.store.run(lambda tx: self.engine.signal(tx, run_id, name, payload, signal_id=signal_id))

    async def cancel(self, run_id):
        """Record a cancel."""
        await self.store.run(lambda tx: self.engine.cancel(tx, run_id, "asked"))

    async def recover(self, run_id):
        """Record a recovery."""
        await self.store.run(lambda tx: self.engine.recover(tx, run_id))

    def query(self, sql, *bindings):
        """Return the rows of a query."""
        return self.store.read(lambda reader: reader.execute(sql, bindings))

    def outcome(self, run_id):
        """Return how a run ended; empty while it runs."""
        return self.query("SELECT outcome FROM temporal_run WHERE run_id = ?", run_id)[0][0]

    def statuses(self, run_id):
        """Return what a run published, in order."""
        events = self.store.read(lambda reader: reader.events(run_id))
        return [json.loads(event.body) for event in events]

    def handle(self, run_id):
        """Return the workflow of a run."""
        client = self.engine._connection.client
        runner = self.query("SELECT runner FROM temporal_run WHERE run_id = ?", run_id)[0][0]
        return client.get_workflow_handle(workflow_id(runner, run_id))

    async def ended(self, run_id):
        """Wait until a run has ended and return how, and its output or failure."""
        await self.until(lambda: self.outcome(run_id))
        client = await self.engine._connection.connected()
        assert client is not None
        try:
            return self.outcome(run_id), await self.handle(run_id).result()
        except WorkflowFailureError as error:
            details = getattr(error.cause, "details", ())
            return self.outcome(run_id), details[0] if details else None

    async def until(self, condition):
        """Wait until something holds."""
        while not condition():  # noqa: ASYNC110 - the store has no event for it
            await asyncio.sleep(0.005)
