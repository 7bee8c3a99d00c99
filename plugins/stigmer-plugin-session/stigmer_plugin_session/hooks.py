"""What this plugin adds: the kind Session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.agentic.session.v1 import command_pb2, query_pb2
from ai.stigmer.agentic.session.v1.api_pb2 import Session

from stigmer_core import Column, Kind, Service, hookimpl, service_names
from stigmer_plugin_session._steps import keep_what_is_settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.resources import Resources

SESSION = Kind(
    name="Session",
    message=Session,
    api_version="agentic.stigmer.ai/v1",
    id_prefix="ses",
    plural="sessions",
    short_names=("ses",),
    description="a conversation with an agent; its runs go with it",
    number=42,
    services=service_names(command_pb2, query_pb2),
    columns=(Column("SUBJECT", "spec.subject"), Column("INSTANCE", "spec.agentInstanceId", wide=True)),
    indexes=("spec.agent_instance_id",),
    apply_order=75,
    before_write=keep_what_is_settled,
)


@hookimpl
def stigmer_kinds() -> Sequence[Kind]:
    """Return Session."""
    return [SESSION]


@hookimpl
def stigmer_services(resources: Resources) -> Sequence[Service]:
    """Return what sessions have beyond the generic RPCs."""
    from stigmer_plugin_session import _controller as controller  # noqa: PLC0415 - the command line needs none

    commands, queries = SESSION.services
    return [
        Service(commands, controller.SessionCommands(SESSION, resources)),
        Service(queries, controller.SessionQueries(SESSION, resources)),
    ]
