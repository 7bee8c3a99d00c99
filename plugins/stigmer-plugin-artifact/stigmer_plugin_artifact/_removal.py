"""Content goes, by request or because it has expired; the record of it stays."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.artifact.v1.enum_pb2 import storage_state_deleted

from stigmer_plugin_artifact._retention import moment, utc_now
from stigmer_plugin_artifact._store import expired, release

if TYPE_CHECKING:
    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.store import Transaction
    from stigmer_plugin_artifact._retention import Clock

logger = logging.getLogger(__name__)


def discard_in(tx: Transaction, kind: Kind, resources: Resources, artifact_id: str) -> Any:
    """Drop an artifact's content and return the record; one whose content has gone is returned as it is.

    Raises:
        NotFoundError: there is no such artifact.
    """
    artifact = resources.get_in(tx, kind, artifact_id)
    if artifact.status.storage_state == storage_state_deleted:
        return artifact
    release(tx, artifact_id)
    artifact.status.storage_state = storage_state_deleted
    return resources.save_in(tx, kind, artifact)


class Sweep:
    """Drops what has expired, in transactions of at most `batch` artifacts."""

    def __init__(self, kind: Kind, resources: Resources, *, clock: Clock = utc_now, batch: int = 50) -> None:
        self._kind = kind
        self._resources = resources
        self._clock = clock
        self._batch = batch

    async def run(self) -> None:
        """Drop everything that has expired by now."""
        now = moment(self._clock())
        swept = 0
        while dropped := await self._resources.store.run(lambda tx: self._drop(tx, now)):
            swept += dropped
        if swept:
            logger.info("artifacts swept count=%d", swept)

    def _drop(self, tx: Transaction, now: str) -> int:
        found = expired(tx, now, self._batch)
        for artifact_id in found:
            discard_in(tx, self._kind, self._resources, artifact_id)
        return len(found)
