"""`stigmer.core.v1.SecretService`: the rotation of keys, online."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from stigmer_core.api.v1 import secrets_pb2 as pb

if TYPE_CHECKING:
    from stigmer_core.store import Store
    from stigmer_core.vault.root_keys import RootKeys
    from stigmer_core.vault.vault import Vault

SERVICE = "stigmer.core.v1.SecretService"


class SecretController:
    """Serves SecretService."""

    def __init__(self, store: Store, vault: Vault, keys: RootKeys) -> None:
        self._store = store
        self._vault = vault
        self._keys = keys
        # Two rotations at once: one would drop the root key that the other has just encrypted every data key with.
        self._rotating = asyncio.Lock()

    async def rotate_keys(self, request: pb.RotateKeysRequest) -> pb.RotateKeysResponse:  # noqa: ARG002 - an RPC's shape
        """Put a new root key in front, encrypt the data keys with it, then drop the old ones.

        A crash in between leaves both root keys in the file: everything can be read, and rotating again finishes.
        """
        async with self._rotating:
            root = self._keys.rotate()
            count = await self._store.run(self._vault.rotate)
            self._keys.forget_all_but(root)
        return pb.RotateKeysResponse(root_key_id=root.id, data_keys=count)
