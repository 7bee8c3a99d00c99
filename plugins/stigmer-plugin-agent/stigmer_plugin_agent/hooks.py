"""What this plugin adds: the kinds Agent and AgentInstance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.agentic.agent.v1 import command_pb2, query_pb2
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.agentinstance.v1 import command_pb2 as instance_command_pb2
from ai.stigmer.agentic.agentinstance.v1 import query_pb2 as instance_query_pb2
from ai.stigmer.agentic.agentinstance.v1.api_pb2 import AgentInstance

from stigmer_core import Column, Kind, Owner, Service, hookimpl, service_names
from stigmer_plugin_agent._controller import InstanceCommands, InstanceQueries
from stigmer_plugin_agent._steps import INSTANCES, check_agent, use_servers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.resources import Resources

_API_VERSION = "agentic.stigmer.ai/v1"

AGENT = Kind(
    name="Agent",
    message=Agent,
    api_version=_API_VERSION,
    id_prefix="agt",
    plural="agents",
    short_names=("agt",),
    description="instructions, skills and tools that make an assistant",
    number=40,
    services=service_names(command_pb2, query_pb2),
    columns=(Column("DESCRIPTION", "spec.description"), Column("INSTANCE", "status.defaultInstanceId", wide=True)),
    visibility_levels=("visibility_private", "visibility_org", "visibility_platform"),
    default_visibility="visibility_org",
    apply_order=60,
    check=check_agent,
    before_write=use_servers,
    after_write=INSTANCES.ensure,
)
INSTANCE = Kind(
    name="AgentInstance",
    message=AgentInstance,
    api_version=_API_VERSION,
    id_prefix="ain",
    plural="agentinstances",
    short_names=("ain",),
    description="an agent bound to environments",
    display_name="Agent Instance",
    number=45,
    services=service_names(instance_command_pb2, instance_query_pb2),
    columns=(Column("AGENT", "spec.agentId"), Column("DESCRIPTION", "spec.description")),
    visibility_levels=("visibility_private", "visibility_org"),
    owners=(Owner("Agent", "spec.agent_id"),),
    apply_order=70,
    before_write=INSTANCES.check,
    before_delete=INSTANCES.guard,
)


@hookimpl
def stigmer_kinds() -> Sequence[Kind]:
    """Return Agent and AgentInstance."""
    return [AGENT, INSTANCE]


@hookimpl
def stigmer_services(resources: Resources) -> Sequence[Service]:
    """Return what instances have beyond the generic RPCs."""
    commands, queries = INSTANCE.services
    return [Service(commands, InstanceCommands(resources)), Service(queries, InstanceQueries(INSTANCE, resources))]
