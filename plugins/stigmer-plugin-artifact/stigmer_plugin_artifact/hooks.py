"""What this plugin adds: the kind Artifact, its downloads over HTTP, and the sweep of what has expired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.agentic.artifact.v1 import command_pb2, query_pb2
from ai.stigmer.agentic.artifact.v1.api_pb2 import Artifact

from stigmer_core import Column, Kind, Service, hookimpl, service_names
from stigmer_plugin_artifact._steps import RUN_PATHS, check_spec, drop_content, require_content

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute

    from stigmer_core.kind import Job
    from stigmer_core.resources import Resources
    from stigmer_core.server import Links
    from stigmer_core.store import Migrations

ARTIFACT = Kind(
    name="Artifact",
    message=Artifact,
    api_version="agentic.stigmer.ai/v1",
    id_prefix="art",
    plural="artifacts",
    short_names=("art",),
    description="a file that a run left behind",
    number=55,
    services=service_names(command_pb2, query_pb2),
    columns=(
        Column("TYPE", "spec.contentType"),
        Column("BYTES", "status.sizeBytes"),
        Column("EXPIRES", "status.expiresAt"),
        Column("STATE", "status.storageState", wide=True),
        Column("HASH", "status.contentHash", wide=True),
    ),
    unique_slug=False,
    searchable=False,
    verbs=("get", "list", "delete"),
    indexes=RUN_PATHS,
    check=check_spec,
    before_write=require_content,
    before_delete=drop_content,
)


@hookimpl
def stigmer_kinds() -> Sequence[Kind]:
    """Return Artifact."""
    return [ARTIFACT]


@hookimpl
def stigmer_migrations() -> Migrations:
    """Return the tables of content."""
    from stigmer_core.store import Migrations  # noqa: PLC0415 - the command line reads kinds without the store

    return Migrations("artifact", "stigmer_plugin_artifact.migrations")


@hookimpl
def stigmer_services(resources: Resources, links: Links) -> Sequence[Service]:
    """Return everything but `get`."""
    from stigmer_plugin_artifact._controller import (  # noqa: PLC0415 - the command line does not serve
        ArtifactCommands,
        ArtifactQueries,
    )

    commands, queries = ARTIFACT.services
    return [
        Service(commands, ArtifactCommands(ARTIFACT, resources)),
        Service(queries, ArtifactQueries(ARTIFACT, resources, links)),
    ]


@hookimpl
def stigmer_routes(resources: Resources, links: Links) -> Sequence[BaseRoute]:
    """Return the downloads."""
    from stigmer_plugin_artifact._download import Downloads  # noqa: PLC0415 - imports Starlette

    return [Downloads(ARTIFACT, resources, links).route()]


@hookimpl
def stigmer_jobs(resources: Resources) -> Sequence[Job]:
    """Return the sweep, every hour."""
    from datetime import timedelta  # noqa: PLC0415 - only a server needs these

    from stigmer_core.kind import Job  # noqa: PLC0415
    from stigmer_plugin_artifact._removal import Sweep  # noqa: PLC0415

    return [Job("artifact sweep", timedelta(hours=1), Sweep(ARTIFACT, resources).run)]
