"""What this plugin adds: the kind Skill, its services and the HTTP lanes of its archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.agentic.skill.v1 import command_pb2, query_pb2
from ai.stigmer.agentic.skill.v1.api_pb2 import Skill

from stigmer_core import Column, Kind, Service, hookimpl, service_names
from stigmer_plugin_skill._steps import check_skill, keep_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import grpc.aio
    from starlette.routing import BaseRoute

    from stigmer_core.resources import Resources
    from stigmer_core.server import Links
    from stigmer_core.store import Migrations, Store

SKILL = Kind(
    name="Skill",
    message=Skill,
    api_version="agentic.stigmer.ai/v1",
    id_prefix="skl",
    plural="skills",
    short_names=("skl",),
    description="instructions an agent reads when it needs them",
    number=43,
    services=service_names(command_pb2, query_pb2),
    columns=(
        Column("DESCRIPTION", "spec.description"),
        Column("TAG", "spec.tag"),
        Column("VERSION", "status.versionHash", wide=True),
    ),
    visibility_levels=("visibility_private", "visibility_org", "visibility_platform"),
    default_visibility="visibility_org",
    versioned=True,
    apply_order=30,
    check=check_skill,
    after_write=keep_text,
)


@hookimpl
def stigmer_kinds() -> Sequence[Kind]:
    """Return Skill."""
    return [SKILL]


@hookimpl
def stigmer_migrations() -> Migrations:
    """Return the tables that archives had before the core kept them."""
    from stigmer_core.store import Migrations  # noqa: PLC0415 - the command line reads kinds without the store

    return Migrations("skill", "stigmer_plugin_skill.migrations")


@hookimpl
def stigmer_services(resources: Resources, channel: grpc.aio.Channel, links: Links) -> Sequence[Service]:
    """Return pushing, versions and archives."""
    from stigmer_plugin_skill._controller import SkillCommands  # noqa: PLC0415 - the command line does not serve
    from stigmer_plugin_skill._queries import SkillQueries  # noqa: PLC0415

    commands, queries = SKILL.services
    return [
        Service(commands, SkillCommands(SKILL, resources, channel, links)),
        Service(queries, SkillQueries(SKILL, resources, links)),
    ]


@hookimpl
def stigmer_routes(store: Store, links: Links) -> Sequence[BaseRoute]:
    """Return the lane of downloads."""
    from stigmer_plugin_skill._download import DownloadLane  # noqa: PLC0415 - imports Starlette

    return [DownloadLane(store, links).route()]
