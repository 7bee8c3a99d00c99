"""What values are encrypted with and where large ones are kept, as an installation or a worker of it has them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stigmer_core.errors import InvalidArgumentError
from stigmer_plugin_engine_temporal import _keys
from stigmer_plugin_engine_temporal._claims_folder import FolderClaims
from stigmer_plugin_engine_temporal._claims_s3 import S3Claims
from stigmer_plugin_engine_temporal._engine import FOLDER
from stigmer_plugin_engine_temporal._keys import Keys

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stigmer_core.store import Store, Transaction
    from stigmer_core.vault import Vault
    from stigmer_plugin_engine_temporal._claims import ClaimStore
    from stigmer_plugin_engine_temporal._options import Options


async def installation_keys(store: Store, vault: Vault, options: Options) -> Keys | None:
    """Return the keys of an installation, those of the environment before its own; None when nothing is encrypted."""
    if not options.encryption:
        return None
    return _keys.of_environment() or await _keys.of_store(store, vault)


async def worker_keys(text: str, refresh: Callable[[], Awaitable[str]]) -> Keys | None:
    """Return the keys of a worker: of the environment, or what the server says; empty text is for none."""
    named = _keys.of_environment()
    if named is not None or not text:
        return named
    return Keys.parse(text, "the server", refresh)


async def open_claims(options: Options, *, home: Path | None, make: bool) -> ClaimStore:
    """Return where large values are kept.

    Args:
        options: `claims` is a folder or `s3://bucket/prefix`; without it, the folder `claims` of the home.
        home: the home; a worker on another machine has none.
        make: whether it may be made; by the server only, so that a folder that is not mounted is seen.

    Raises:
        InvalidArgumentError: it cannot be right.
        UnavailableError: it cannot be reached.
    """
    where, endpoint = options.claims, options.claims_endpoint
    if "@" in urlsplit(endpoint).netloc or "@" in urlsplit(where).netloc:
        raise InvalidArgumentError(
            "credentials have no place in temporal_claims: they come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"
        )
    if where.startswith("s3://"):
        return await S3Claims.open(where, endpoint=endpoint, make=make)
    if not where and home is None:
        raise InvalidArgumentError("temporal_claims is needed: a folder that the server has too, or s3://bucket/prefix")
    folder = Path(where) if where else (home or Path()) / FOLDER
    if not folder.is_absolute():
        raise InvalidArgumentError(f"temporal_claims must be an absolute path or s3://bucket/prefix, this is {where!r}")
    return await asyncio.to_thread(FolderClaims.open, folder, make=make)


def owns(tx: Transaction, claims: ClaimStore, *, at_home: bool) -> bool:
    """Return whether this installation made a store of values, now or before, and so may remove from it."""
    if claims.made or at_home:
        tx.execute("INSERT OR IGNORE INTO temporal_claims (store_id) VALUES (?)", (claims.id,))
    return bool(tx.execute("SELECT 1 FROM temporal_claims WHERE store_id = ?", (claims.id,)))
