"""The claim check: what is large leaves its history for a store beside it, and a reference takes its place.

A value is known by its run and the digest of its encrypted bytes: `<run>/<digest>`, where the run is the outermost
one, for a child's result stands in the history of its parent too. All of a run's go together, when Temporal has
forgotten the run and every child of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING, Protocol

from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ExternalStorage,
    StorageDriver,
    StorageDriverClaim,
    StorageDriverWorkflowInfo,
)

from stigmer_core.errors import StigmerError, UnavailableError
from stigmer_plugin_engine_temporal._codec import APART
from stigmer_plugin_engine_temporal._lost import lost_payload
from stigmer_plugin_engine_temporal._names import run_of_workflow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeVar

    from temporalio.converter import (
        StorageDriverRetrieveContext,
        StorageDriverSelectContext,
        StorageDriverStoreContext,
    )

    T = TypeVar("T")

logger = logging.getLogger(__name__)

LARGE = 128 * 1024  # bytes of an encrypted payload: one of more leaves its history
SMALL = 1_024  # bytes: one of less never does, also when many of them enter a history at once
PAUSES_SECONDS = (0.1, 0.3, 0.9, 1.8)  # between tries, until the task or activity is left to Temporal's own


class ClaimStore(Protocol):
    """Keeps values by run and digest; each method raises `UnavailableError`, and may do better when called again."""

    id: str  # what references call it: one in another place has another
    made: bool  # whether it was not there before

    async def put(self, run_id: str, digest: str, content: bytes) -> None:
        """Keep a value, durable when this returns; one that is there is used again, which counts as new."""

    async def get(self, run_id: str, digest: str) -> bytes | None:
        """Return a value, None when it is not there."""

    async def runs(self) -> list[str]:
        """Return the runs that have values."""

    async def unused_seconds(self, run_id: str) -> float:
        """Return how long ago the last value of a run was kept."""

    async def remove(self, run_id: str, unused_seconds: float) -> bool:
        """Remove the values of a run, unless one was kept since; return whether they are gone."""


class ClaimDriver(StorageDriver):
    """Stores what the SDK takes out of histories."""

    def __init__(self, claims: ClaimStore) -> None:
        self._claims = claims

    def name(self) -> str:
        """Return what references in histories call it."""
        return "stigmer"

    async def store(self, context: StorageDriverStoreContext, payloads: Sequence[Payload]) -> list[StorageDriverClaim]:
        """Store payloads.

        Raises:
            UnavailableError: that cannot be done now; the task or activity is tried again.
        """
        run_id = _run_of(context) or ""
        return [await self._store(run_id, payload) for payload in payloads]

    async def retrieve(
        self,
        context: StorageDriverRetrieveContext,  # noqa: ARG002 - the SDK's signature
        claims: Sequence[StorageDriverClaim],
    ) -> list[Payload]:
        """Return stored payloads; one that is missing, or was changed, is a lost value.

        Raises:
            UnavailableError: one cannot be read now; the task or activity is tried again.
        """
        return [await self._retrieve(claim) for claim in claims]

    async def _store(self, run_id: str, payload: Payload) -> StorageDriverClaim:
        content = payload.SerializeToString(deterministic=True)  # the digest is of the value, not of the order of a map
        digest = hashlib.sha256(content).hexdigest()
        await _patiently(lambda: self._claims.put(run_id, digest, content))
        return StorageDriverClaim({"store": self._claims.id, "run": run_id, "digest": digest})

    async def _retrieve(self, claim: StorageDriverClaim) -> Payload:
        run_id, digest, store_id = (claim.claim_data[name] for name in ("run", "digest", "store"))
        if store_id != self._claims.id:
            raise UnavailableError(f"a value of run {run_id} is in another store of values: {store_id}")
        content = await _patiently(lambda: self._claims.get(run_id, digest))
        if content is None:
            return lost_payload(f"the value {digest} of run {run_id} is missing")
        if hashlib.sha256(content).hexdigest() != digest:
            return lost_payload(f"the value {digest} of run {run_id} was changed")
        return Payload.FromString(content)


def external_storage(claims: ClaimStore) -> ExternalStorage:
    """Return how the SDK takes values out of histories, and puts them back."""
    driver = ClaimDriver(claims)

    def select(context: StorageDriverSelectContext, payload: Payload) -> StorageDriver | None:
        leaves = payload.ByteSize() >= LARGE or APART in payload.metadata
        return driver if leaves and _run_of(context) is not None else None

    return ExternalStorage(drivers=[driver], driver_selector=select, payload_size_threshold=SMALL)


def _run_of(context: StorageDriverStoreContext | StorageDriverSelectContext) -> str | None:
    target = context.target
    return run_of_workflow(target.id or "") if isinstance(target, StorageDriverWorkflowInfo) else None


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    for pause in PAUSES_SECONDS:
        try:
            return await work()
        except StigmerError as error:
            logger.warning("value not reached reason=%s", error)
            await asyncio.sleep(pause)
    return await work()
