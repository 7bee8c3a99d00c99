"""What this plugin adds: the kind Memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.agentic.memory.v1 import command_pb2, query_pb2
from ai.stigmer.agentic.memory.v1.api_pb2 import Memory

from stigmer_core import Column, Kind, Service, hookimpl, service_names
from stigmer_plugin_memory._steps import check_memory, forget_place, settle_memory, take_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.resources import Resources
    from stigmer_core.store import Migrations

MEMORY = Kind(
    name="Memory",
    message=Memory,
    api_version="agentic.stigmer.ai/v1",
    id_prefix="mem",
    plural="memories",
    short_names=("mem",),
    description="a fact that agents remember of a person, once it is confirmed",
    number=57,
    services=service_names(command_pb2, query_pb2),
    columns=(
        Column("STATE", "status.lifecycleState"),
        Column("CONTENT", "spec.content"),
        Column("SUBJECT", "spec.subjectIdentityAccountId", wide=True),
    ),
    searchable=False,
    check=check_memory,
    before_write=settle_memory,
    after_write=take_place,
    before_delete=forget_place,
)


@hookimpl
def stigmer_kinds() -> Sequence[Kind]:
    """Return Memory."""
    return [MEMORY]


@hookimpl
def stigmer_migrations() -> Migrations:
    """Return the table of the memories that count against a subject's ceiling."""
    from stigmer_core.store import Migrations  # noqa: PLC0415 - the command line reads kinds without the store

    return Migrations("memory", "stigmer_plugin_memory.migrations")


@hookimpl
def stigmer_services(resources: Resources) -> Sequence[Service]:
    """Return what memories have beyond the generic RPCs."""
    from stigmer_plugin_memory._controller import (  # noqa: PLC0415 - the command line reads kinds without the store
        MemoryCommands,
        MemoryQueries,
    )

    commands, queries = MEMORY.services
    return [Service(commands, MemoryCommands(MEMORY, resources)), Service(queries, MemoryQueries(MEMORY, resources))]
