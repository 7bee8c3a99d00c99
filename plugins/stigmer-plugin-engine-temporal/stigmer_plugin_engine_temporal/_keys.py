"""The keys that values are encrypted with before they enter a history: several may be read, the first one writes.

An installation makes its keys and keeps them in its store, sealed by its vault; workers elsewhere get them from the
server, or from the environment. Keys in the environment take the place of the installation's own.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stigmer_core.errors import StoreError, UnavailableError
from stigmer_core.vault import KEY_BYTES, parsed_keys, read_keys, written_keys

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from stigmer_core.store import Reader, Store, Transaction
    from stigmer_core.vault import Vault

VARIABLE = "STIGMER_PAYLOAD_KEY"
FILE_VARIABLE = "STIGMER_PAYLOAD_KEY_FILE"
LOOK_AGAIN_SECONDS = 5.0  # between two looks for a key that is not known
_NAME = "payload key"


class PayloadKey(NamedTuple):
    """A key, the key that nonces of large values are made with, and its id, which says nothing of either."""

    id: str
    content: bytes
    nonces: bytes

    @classmethod
    def of(cls, content: bytes) -> PayloadKey:
        """Return the key that these bytes are."""
        key_id = hashlib.sha256(b"stigmer payload key\0" + content).hexdigest()[:16]
        return cls(key_id, content, hmac.digest(content, b"stigmer payload nonces", "sha256"))


class Keys:
    """The keys, the current one first. One that is not known is looked for again: another process may have made it."""

    def __init__(self, keys: Sequence[PayloadKey], refresh: Callable[[], Awaitable[str]] | None = None) -> None:
        self._keys = {key.id: key for key in keys}
        self.current = keys[0]
        self._refresh = refresh
        self._looked = 0.0

    @classmethod
    def parse(cls, text: str, source: str, refresh: Callable[[], Awaitable[str]] | None = None) -> Keys:
        """Return the keys of a text: base64, on lines of their own or between commas.

        Raises:
            StoreError: it has none, or one that cannot be right; names the source.
        """
        return cls(_parsed(text, source), refresh)

    def text(self) -> str:
        """Return the keys as `parse` reads them."""
        return written_keys(key.content for key in self._keys.values())

    def known(self, key_id: str) -> PayloadKey | None:
        """Return a key, if it is there."""
        return self._keys.get(key_id)

    async def find(self, key_id: str) -> PayloadKey:
        """Return a key.

        Raises:
            UnavailableError: it is not known by now; it may be later.
        """
        if key_id not in self._keys and time.monotonic() - self._looked > LOOK_AGAIN_SECONDS:
            self._looked = time.monotonic()
            await self.refresh()
        if key_id not in self._keys:
            raise UnavailableError(f"the payload key {key_id} is not known here")
        return self._keys[key_id]

    async def refresh(self) -> None:
        """Ask for the keys again."""
        if self._refresh is not None:
            keys = _parsed(await self._refresh(), "the server")
            self._keys |= {key.id: key for key in keys}
            self.current = keys[0]


def of_environment() -> Keys | None:
    """Return the keys that the environment names, None when it names none.

    Raises:
        StoreError: a variable or its file cannot be right.
    """
    if VARIABLE in os.environ:
        return Keys.parse(os.environ[VARIABLE], VARIABLE)
    if FILE_VARIABLE not in os.environ:
        return None
    file = Path(os.environ[FILE_VARIABLE])
    try:
        return Keys([PayloadKey.of(key) for key in read_keys(file, _NAME)])
    except FileNotFoundError as error:
        raise StoreError(f"there is no file {file} with a payload key: {FILE_VARIABLE} names it") from error


async def of_store(store: Store, vault: Vault) -> Keys:
    """Return the installation's own keys; made at the first need, and a new one after its vault's keys were rotated.

    Raises:
        StoreError: one cannot be opened.
    """

    async def refresh() -> str:
        found = await store.read_slowly(lambda reader: _stored(reader, vault))
        return Keys(found).text()

    return Keys(await store.run(lambda tx: _made(tx, vault)), refresh)


def _made(tx: Transaction, vault: Vault) -> list[PayloadKey]:
    key = PayloadKey.of(secrets.token_bytes(KEY_BYTES))
    version, sealed = vault.encrypt(tx, f"{_NAME} {key.id}", key.content)
    newest = tx.execute("SELECT max(key_version) FROM temporal_key")[0][0]
    if newest is None or newest < version:
        sql = "INSERT INTO temporal_key (key_id, key_version, sealed) VALUES (?, ?, ?)"
        tx.execute(sql, (key.id, version, sealed))
    return _stored(tx, vault)


def _stored(reader: Reader, vault: Vault) -> list[PayloadKey]:
    rows = reader.execute("SELECT key_id, key_version, sealed FROM temporal_key ORDER BY number DESC")
    return [PayloadKey.of(vault.decrypt(reader, f"{_NAME} {key_id}", *row)) for key_id, *row in rows]


def _parsed(text: str, source: str) -> list[PayloadKey]:
    return [PayloadKey.of(key) for key in parsed_keys(text, source, _NAME)]
