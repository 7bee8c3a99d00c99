"""What this plugin adds: the kind McpServer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ai.stigmer.agentic.mcpserver.v1 import command_pb2, query_pb2
from ai.stigmer.agentic.mcpserver.v1.api_pb2 import McpServer

from stigmer_core import Column, Job, Kind, Service, hookimpl, service_names
from stigmer_plugin_mcpserver._steps import check_server, mark_valid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.resources import Resources

MCP_SERVER = Kind(
    name="McpServer",
    message=McpServer,
    api_version="agentic.stigmer.ai/v1",
    id_prefix="mcp",
    plural="mcpservers",
    short_names=("mcp",),
    description="tools that agents reach over the Model Context Protocol",
    display_name="MCP Server",
    number=44,
    services=service_names(command_pb2, query_pb2),
    columns=(
        Column("DESCRIPTION", "spec.description"),
        Column("CONNECT", "status.connectStatus.phase"),
        Column("COMMAND", "spec.stdio.command", wide=True),
        Column("URL", "spec.http.url", wide=True),
    ),
    visibility_levels=("visibility_private", "visibility_org", "visibility_platform"),
    default_visibility="visibility_org",
    indexes=("status.connect_status.phase",),
    apply_order=40,
    check=check_server,
    before_write=mark_valid,
)


@hookimpl
def stigmer_kinds() -> Sequence[Kind]:
    """Return McpServer."""
    return [MCP_SERVER]


@hookimpl
def stigmer_services(resources: Resources) -> Sequence[Service]:
    """Return connecting, and what OAuth's RPCs answer."""
    from stigmer_plugin_mcpserver._attempts import Attempts  # noqa: PLC0415 - the command line does not connect
    from stigmer_plugin_mcpserver._controller import McpServerCommands, NoOAuth  # noqa: PLC0415 - as above

    commands, queries = MCP_SERVER.services
    no_oauth = NoOAuth()
    return [
        Service(commands, McpServerCommands(Attempts(MCP_SERVER, resources))),
        Service(commands, no_oauth, dict.fromkeys(no_oauth.COMMANDS, "refuse")),
        Service(queries, no_oauth, dict.fromkeys(no_oauth.QUERIES, "refuse")),
    ]


@hookimpl
def stigmer_jobs(resources: Resources) -> Sequence[Job]:
    """Return what ends attempts that a crash has left."""
    from stigmer_plugin_mcpserver._attempts import end_lost  # noqa: PLC0415 - the command line runs no jobs

    opened_at = datetime.now(UTC)
    return [Job("mcpserver-lost-attempts", timedelta(seconds=30), lambda: end_lost(MCP_SERVER, resources, opened_at))]
