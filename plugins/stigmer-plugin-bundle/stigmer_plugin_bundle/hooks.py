"""What this plugin adds: the kind Plugin, a bundle of skills, MCP servers and agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.agentic.plugin.v1 import command_pb2, query_pb2
from ai.stigmer.agentic.plugin.v1.api_pb2 import Plugin

from stigmer_core import Column, Kind, Service, hookimpl, service_names
from stigmer_plugin_bundle._members import delete_members

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.resources import Resources
    from stigmer_core.server import Links
    from stigmer_core.store import Migrations

BUNDLE = Kind(
    name="Plugin",
    message=Plugin,
    api_version="agentic.stigmer.ai/v1",
    id_prefix="plg",
    plural="plugins",
    short_names=("plg",),
    description="a bundle of skills, MCP servers and agents that are installed together",
    number=58,
    services=service_names(command_pb2, query_pb2),
    columns=(
        Column("VERSION", "spec.version"),
        Column("DESCRIPTION", "spec.description"),
        Column("DIGEST", "status.digest", wide=True),
    ),
    visibility_levels=("visibility_private", "visibility_org", "visibility_platform"),
    default_visibility="visibility_org",
    verbs=("get", "list", "delete"),  # made by pushing only
    versioned=True,
    before_delete=delete_members,
)


@hookimpl
def stigmer_kinds() -> Sequence[Kind]:
    """Return Plugin."""
    return [BUNDLE]


@hookimpl
def stigmer_migrations() -> Migrations:
    """Return the tables that archives had before the core kept them."""
    from stigmer_core.store import Migrations  # noqa: PLC0415 - the command line reads kinds without the store

    return Migrations("bundle", "stigmer_plugin_bundle.migrations")


@hookimpl
def stigmer_services(resources: Resources, links: Links) -> Sequence[Service]:
    """Return pushing, uploads, visibility, members and versions."""
    from stigmer_plugin_bundle._controller import BundleCommands, BundleQueries  # noqa: PLC0415 - imports asyncio

    commands, queries = BUNDLE.services
    return [
        Service(commands, BundleCommands(BUNDLE, resources, links)),
        Service(queries, BundleQueries(BUNDLE, resources)),
    ]
