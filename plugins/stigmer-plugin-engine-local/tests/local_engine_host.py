"""A store with an engine that can be stopped and started like a process."""

from __future__ import annotations

import asyncio
import json

from stigmer_plugin_engine_local._claims import Claims
from stigmer_plugin_engine_local._engine import LocalEngine
from stigmer_plugin_engine_local.hooks import stigmer_migrations

from stigmer_core.program import Run
from stigmer_core.store import Store
from stigmer_core.vault import RootKeys, Vault


def publish(tx, run_id, *statuses):
    """Keep statuses where a test can count them."""
    for status in statuses:
        tx.append_event(run_id, type="status", body=json.dumps(status).encode())


class Host:
    """A store with an engine, which can be closed and opened again like a process."""

    def __init__(self, path, runners):
        self.path = path
        self.runners = runners
        self.publish = publish
        self.vault = Vault(RootKeys(path.parent / "root.key"))
        self.options = {}
        self.store = None
        self.engine = None

    async def open(self, store=None):
        """Open the store and the engine over it; another store stands in for it in a test."""
        self.store = store or Store.open(self.path, migrations=[stigmer_migrations()])
        self.engine = LocalEngine(self.store, self.runners, self._publish, self.vault, **self.options)
        await self.engine.open()
        return self

    def _publish(self, *call):
        self.publish(*call)

    async def close(self):
        """Stop both, as a process that ends well."""
        await self.engine.close()
        self.store.close()

    async def restart(self):
        """Stop both and start them again."""
        await self.close()
        await self.open()

    async def start(self, run_id, value=None, runner="test"):
        """Record a run."""
        await self.store.run(lambda tx: self.engine.start(tx, Run(run_id, runner, value)))

    async def signal(self, run_id, name, payload=None, signal_id=""):
        """Record a signal."""
        await self.store.run(lambda tx: self.engine.signal(tx, run_id, name, payload, signal_id=signal_id))

    async def cancel(self, run_id):
        """Record a cancel."""
        await self.store.run(lambda tx: self.engine.cancel(tx, run_id, "asked"))

    def query(self, sql, *bindings):
        """Return the rows of a query."""
        return self.store.read(lambda reader: reader.execute(sql, bindings))

    def outcome(self, run_id):
        """Return a run's outcome, result and reason; None when there is no such run."""
        rows = self.query("SELECT outcome, result, reason FROM engine_run WHERE run_id = ?", run_id)
        if not rows:
            return None
        outcome, result, reason = rows[0]
        return outcome, self.store.read(lambda reader: Claims(self.vault).restore(reader, result or "null")), reason

    def statuses(self, run_id):
        """Return what a run published, in order."""
        events = self.store.read(lambda reader: reader.events(run_id))
        return [json.loads(event.body) for event in events]

    async def ended(self, run_id):
        """Wait until a run has ended and return how."""
        while (found := self.outcome(run_id)) is None or not found[0]:  # noqa: ASYNC110 - the store has no event for it
            await asyncio.sleep(0.002)
        return found

    async def until(self, condition):
        """Wait until something holds."""
        while not condition():  # noqa: ASYNC110 - the store has no event for it
            await asyncio.sleep(0.002)
