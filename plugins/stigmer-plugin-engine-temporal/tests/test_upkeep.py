"""What is over is forgotten in time, and what has overslept is woken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from stigmer_plugin_engine_temporal import _store
from stigmer_plugin_engine_temporal._upkeep import KEPT_FOR, OVERSLEPT, upkeep
from stigmer_plugin_engine_temporal.hooks import stigmer_migrations

from stigmer_core.store import Store


@pytest.fixture
def store(tmp_path):
    """Return a store with a few runs."""
    store = Store.open(tmp_path / "stigmer.db", migrations=[stigmer_migrations()])
    for run_id in ("old", "new", "running", "over", "asleep"):
        store.run_blocking(lambda tx, run_id=run_id: _store.add_run(tx, run_id, "test"))
    yield store
    store.close()


async def test_ended_runs_are_forgotten_in_time(store):
    """Thirty days after their end; running ones never."""
    for run_id in ("old", "new"):
        await store.run(lambda tx, run_id=run_id: _store.end(tx, run_id, "completed", "", None))
    long_ago = (datetime.now(UTC) - KEPT_FOR - timedelta(days=1)).isoformat()
    await store.run(lambda tx: tx.execute("UPDATE temporal_run SET ended_at = ? WHERE run_id = 'old'", (long_ago,)))
    await upkeep(store)

    outcomes = [store.read(lambda reader, one=one: _store.outcome_of(reader, one)) for one in ("old", "new", "running")]
    assert outcomes == [None, "completed", ""]


async def test_run_that_overslept_is_woken_once(store):
    """One whose time is just past, or to come, is left to its schedule."""
    now = datetime.now(UTC)
    for run_id, until in (("over", now - OVERSLEPT - timedelta(minutes=1)), ("asleep", now)):
        await store.run(lambda tx, one=run_id, at=until: _store.put_to_sleep(tx, one, at.isoformat(), {"state": 1}))
    await store.run(lambda tx: tx.execute("DELETE FROM temporal_outbox"))
    await upkeep(store)
    await upkeep(store)

    told = store.read(lambda reader: _store.outbox(reader, 10))
    assert [(one.run_id, one.action) for one in told] == [("over", "sleep")]
