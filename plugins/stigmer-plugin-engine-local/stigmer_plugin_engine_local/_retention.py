"""What is kept of runs that have ended: for thirty days, so that a failed one can be recovered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from stigmer_plugin_engine_local import _store
from stigmer_plugin_engine_local._claims import Claims

if TYPE_CHECKING:
    from stigmer_core.store import Store
    from stigmer_core.vault import Vault

KEPT_FOR = timedelta(days=30)
SWEEP_EVERY = timedelta(hours=1)
AT_ONCE = 500


async def sweep(store: Store, vault: Vault, *, kept_for: timedelta = KEPT_FOR) -> int:
    """Forget the runs that ended longer ago, in transactions of 500, and return how many there were."""
    before, dropped, claims = datetime.now(UTC) - kept_for, 0, Claims(vault)
    while count := await store.run(lambda tx: _store.drop_expired(tx, claims, before, AT_ONCE)):
        dropped += count
    return dropped
