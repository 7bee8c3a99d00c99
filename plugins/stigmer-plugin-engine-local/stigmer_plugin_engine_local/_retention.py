"""What is kept of runs that have ended: for thirty days, so that a failed one can be recovered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from stigmer_plugin_engine_local import _store

if TYPE_CHECKING:
    from stigmer_core.store import Store

KEPT_FOR = timedelta(days=30)
SWEEP_EVERY = timedelta(hours=1)
AT_ONCE = 500


async def sweep(store: Store, *, kept_for: timedelta = KEPT_FOR) -> int:
    """Forget the runs that ended longer ago, in transactions of 500, and return how many there were."""
    before, dropped = datetime.now(UTC) - kept_for, 0
    while count := await store.run(lambda tx: _store.drop_expired(tx, before, AT_ONCE)):
        dropped += count
    return dropped
