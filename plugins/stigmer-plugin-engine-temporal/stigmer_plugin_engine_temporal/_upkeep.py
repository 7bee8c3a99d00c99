"""What is done now and then: ended runs are forgotten after thirty days, and runs that overslept are woken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from stigmer_plugin_engine_temporal import _store

if TYPE_CHECKING:
    from stigmer_core.store import Store

KEPT_FOR = timedelta(days=30)
OVERSLEPT = timedelta(minutes=10)  # past its time a run has been woken, if its schedule is still there
EVERY = timedelta(minutes=5)
AT_ONCE = 500


async def upkeep(store: Store) -> None:
    """Do it once."""
    now = datetime.now(UTC)
    while await store.run(lambda tx: _store.drop_expired(tx, now - KEPT_FOR, AT_ONCE)):
        continue
    await store.run(lambda tx: _store.wake_overslept(tx, now - OVERSLEPT, AT_ONCE))
