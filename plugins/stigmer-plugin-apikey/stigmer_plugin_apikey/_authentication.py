"""Who calls, by an API key: asked for every call over TCP whose token is not the one of the home."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from ai.stigmer.iam.apikey.v1.api_pb2 import ApiKey

from stigmer_core.errors import StigmerError, UnauthenticatedError
from stigmer_core.server import Caller
from stigmer_plugin_apikey._secret import Secret, is_key
from stigmer_plugin_apikey._steps import BY_HASH, has_expired

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.store import Transaction

logger = logging.getLogger(__name__)

NOTE_EVERY = timedelta(minutes=1)


class KeyAuthenticator:
    """Knows the creator of a key by the key.

    Whatever the token, the work is one hash and one look-up in an index, so how long it takes tells nothing of the
    keys there are.

    Args:
        kind: ApiKey.
        clock: returns the seconds since 1970.
    """

    def __init__(self, kind: Kind, resources: Resources, clock: Callable[[], float] = time.time) -> None:
        self._kind = kind
        self._store = resources.store
        self._clock = clock
        self._uses = Uses(kind, resources)

    def __call__(self, token: str) -> Caller | None:
        """Return who made the key, or None when there is no such key.

        Raises:
            UnauthenticatedError: the key has expired.
        """
        if not is_key(token):
            return None
        index = (BY_HASH, Secret(token).hash)
        rows = self._store.read(lambda reader: reader.page(self._kind.name, index=index, limit=1))
        if not rows:
            return None
        key, now = ApiKey.FromString(rows[0].body), self._clock()
        if has_expired(key.spec, now):
            expired_at = key.spec.expires_at.ToJsonString()
            raise UnauthenticatedError(f"API key '{key.metadata.name}' expired at {expired_at}: make a new one")
        self._uses.note(key, now)
        return Caller(key.status.audit.spec_audit.created_by.id)


class Uses:
    """Notes when keys were last used: at most once a minute each, and never in the way of a call."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources
        self._noted: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, key: ApiKey, now: float) -> None:
        """Let a use be written soon, on the running event loop."""
        key_id = key.metadata.id
        last = max(self._noted.get(key_id, 0.0), key.status.last_used_at.ToNanoseconds() / 1e9)
        if now - last < NOTE_EVERY.total_seconds():
            return
        self._noted[key_id] = now
        task = asyncio.create_task(self._write(key_id, now), name=f"last use of {key_id}")
        self._tasks.add(task)  # the loop itself keeps no reference
        task.add_done_callback(self._tasks.discard)

    async def _write(self, key_id: str, now: float) -> None:
        try:
            await self._resources.store.run(lambda tx: self._written(tx, key_id, now))
        except StigmerError as error:
            logger.warning("use of api key not noted key=%s cause=%s", key_id, error.message)

    def _written(self, tx: Transaction, key_id: str, now: float) -> None:
        if tx.get(key_id) is None:
            return
        key = self._resources.get_in(tx, self._kind, key_id)
        key.status.last_used_at.FromMicroseconds(int(now * 1e6))
        self._resources.save_in(tx, self._kind, key, slot=None)
