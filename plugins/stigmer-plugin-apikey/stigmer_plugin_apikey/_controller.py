"""The RPCs of ApiKey beyond the generic ones."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ai.stigmer.iam.apikey.v1 import io_pb2

from stigmer_core.errors import InvalidArgumentError, NotFoundError
from stigmer_core.kind import Encoded
from stigmer_core.resources import spliced
from stigmer_core.resources.codec import copy_of
from stigmer_plugin_apikey._secret import Secret, is_key
from stigmer_plugin_apikey._steps import BY_CREATOR, BY_HASH, engrave

if TYPE_CHECKING:
    from ai.stigmer.iam.apikey.v1.api_pb2 import ApiKey

    from stigmer_core import Kind
    from stigmer_core.resources import Resources

_EVERY = 10_000
_NAME_BYTES = 6


class ApiKeyCommands:
    """Serves `create`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources

    async def create(self, request: ApiKey) -> ApiKey:
        """Make a key. Only this answer has the key itself, in place of its hash; a key without a name is given one.

        Raises:
            AlreadyExistsError: there is a key of this name.
            InvalidArgumentError: it would have expired already.
        """
        secret = Secret.mint()
        kind = replace(self._kind, before_write=lambda change: engrave(change, secret))
        draft = self._resources.prepare(kind, _named(request), creating=True)
        made: ApiKey = await self._resources.store.run(lambda tx: self._resources.create_in(tx, kind, draft))
        made.spec.key_hash = secret.text
        return made


class ApiKeyQueries:
    """Serves `getByKeyHash` and `findAll`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._store = resources.store

    async def get_by_key_hash(self, request: io_pb2.ApiKeyHash) -> Encoded:
        """Return a key by its hash, with or without the padding of base64.

        Raises:
            InvalidArgumentError: the key itself was sent.
            NotFoundError: there is none.
        """
        if is_key(request.value):
            raise InvalidArgumentError("this is a key, not its hash: send the base64url of its SHA-256")
        index = (BY_HASH, request.value.rstrip("="))
        rows = self._store.read(lambda reader: reader.page(self._kind.name, index=index, limit=1))
        if not rows:
            raise NotFoundError(self._kind.label(), request.value)
        return Encoded(rows[0].body)

    async def find_all(self, request: Any) -> Encoded:  # noqa: ARG002 - an RPC's shape
        """Return every key that the caller made, newest first."""
        from stigmer_core.server import current_caller  # noqa: PLC0415 - the command line reads this module

        index = (BY_CREATOR, current_caller().name)
        rows = self._store.read(lambda reader: reader.page(self._kind.name, index=index, limit=_EVERY))
        return spliced(io_pb2.ApiKeys(), "entries", rows)


def _named(request: ApiKey) -> ApiKey:
    named = copy_of(request)
    if not named.metadata.name and not named.metadata.slug:
        named.metadata.name = f"api-key-{secrets.token_hex(_NAME_BYTES)}"
    return named
