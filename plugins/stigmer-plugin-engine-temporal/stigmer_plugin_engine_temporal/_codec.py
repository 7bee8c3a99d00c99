"""What Temporal sees of values: nothing. Each is compressed where that helps, and encrypted with AES-256-GCM."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from stigmer_plugin_engine_temporal._lost import lost_payload

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stigmer_plugin_engine_temporal._keys import Keys, PayloadKey

APART = "apart"  # metadata of a payload that does not stay in its history, should it be of some size
ENCODING = b"binary/encrypted"
COMPRESSED_FROM = 1_024  # bytes
LARGE = 64 * 1024  # bytes; more is worked on in a thread
_KEY = "encryption-key-id"
_NONCE_BYTES = 12
_PLAIN, _ZSTD = b"\0", b"\1"


class EncryptionCodec(PayloadCodec):
    """Encrypts payloads and their metadata; one that is not encrypted, of another client, is taken as it is.

    The nonce of a large value is made from the value, so that it is the same bytes wherever it goes in a run, and is
    stored once; that two values are equal can then be seen. Those of small values are random.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return encrypted payloads."""
        return [await _worked(payload, _encrypted, self._keys.current) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return what `encode` was given.

        One that was changed is a lost value.

        Raises:
            UnavailableError: the key is not known here.
        """
        return [await self._decoded(payload) for payload in payloads]

    async def _decoded(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        return await _worked(payload, _decrypted, await self._keys.find(payload.metadata[_KEY].decode()))


async def _worked(payload: Payload, work: Callable[[Payload, PayloadKey], Payload], key: PayloadKey) -> Payload:
    if payload.ByteSize() < LARGE:
        return work(payload, key)
    return await asyncio.to_thread(work, payload, key)


def _encrypted(payload: Payload, key: PayloadKey) -> Payload:
    content, form = payload.SerializeToString(deterministic=True), _PLAIN
    large = len(content) >= LARGE
    if len(content) >= COMPRESSED_FROM:
        compressed = zstd.compress(content, 1)
        if len(compressed) < len(content):
            content, form = compressed, _ZSTD
    made = hmac.digest(key.nonces, form + content, "sha256") if large else secrets.token_bytes(_NONCE_BYTES)
    nonce = made[:_NONCE_BYTES]
    sealed = form + nonce + _cipher(key.content).encrypt(nonce, content, _authenticated(key, form))
    metadata = {"encoding": ENCODING, _KEY: key.id.encode()}
    if APART in payload.metadata:
        metadata[APART] = payload.metadata[APART]
    return Payload(metadata=metadata, data=sealed)


def _decrypted(payload: Payload, key: PayloadKey) -> Payload:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see _cipher

    form, nonce, content = payload.data[:1], payload.data[1 : 1 + _NONCE_BYTES], payload.data[1 + _NONCE_BYTES :]
    try:
        content = _cipher(key.content).decrypt(nonce, content, _authenticated(key, form))
        return Payload.FromString(zstd.decompress(content) if form == _ZSTD else content)
    except (InvalidTag, ValueError):
        return lost_payload("a value of the run cannot be decrypted: it was changed")


def _authenticated(key: PayloadKey, form: bytes) -> bytes:
    return b"stigmer payload\0" + key.id.encode() + b"\0" + form


@lru_cache(maxsize=64)
def _cipher(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - 40 ms for those who encrypt

    return AESGCM(key)
