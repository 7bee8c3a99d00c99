"""What this plugin adds: the kind ApiKey, and callers who are known by such a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.iam.apikey.v1 import command_pb2, query_pb2
from ai.stigmer.iam.apikey.v1.api_pb2 import ApiKey

from stigmer_core import Column, Kind, Service, hookimpl, service_names
from stigmer_plugin_apikey._controller import ApiKeyCommands, ApiKeyQueries
from stigmer_plugin_apikey._steps import BY_CREATOR, BY_HASH, check_expiry, keep_material

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stigmer_core.resources import Resources
    from stigmer_core.server import Caller

API_KEY = Kind(
    name="ApiKey",
    message=ApiKey,
    api_version="iam.stigmer.ai/v1",
    id_prefix="key",
    plural="apikeys",
    short_names=("key",),
    display_name="API Key",
    description="a secret that authenticates calls over TCP",
    number=12,
    services=service_names(command_pb2, query_pb2),
    columns=(
        Column("FINGERPRINT", "spec.fingerprint"),
        Column("EXPIRES", "spec.expiresAt"),
        Column("USED", "status.lastUsedAt"),
    ),
    org_scoped=False,
    searchable=False,
    verbs=("get", "list", "delete"),
    indexes=(BY_HASH, BY_CREATOR),
    check=check_expiry,
    before_write=keep_material,
)


@hookimpl
def stigmer_kinds() -> Sequence[Kind]:
    """Return ApiKey."""
    return [API_KEY]


@hookimpl
def stigmer_commands() -> Mapping[str, str]:
    """Return the command that makes a key."""
    return {"apikey": "stigmer_plugin_apikey.commands:apikey|Make keys that authenticate calls over TCP."}


@hookimpl
def stigmer_services(resources: Resources) -> Sequence[Service]:
    """Return making a key, and finding keys."""
    commands, queries = API_KEY.services
    return [Service(commands, ApiKeyCommands(API_KEY, resources)), Service(queries, ApiKeyQueries(API_KEY, resources))]


@hookimpl
def stigmer_authenticators(resources: Resources) -> Sequence[Callable[[str], Caller | None]]:
    """Return what knows a key's creator by the key."""
    from stigmer_plugin_apikey._authentication import KeyAuthenticator  # noqa: PLC0415 - asyncio, only for a server

    return [KeyAuthenticator(API_KEY, resources)]
