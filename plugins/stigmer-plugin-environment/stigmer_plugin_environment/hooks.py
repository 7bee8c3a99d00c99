"""What this plugin adds: the kinds Environment and ExecutionContext."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.agentic.environment.v1 import command_pb2, query_pb2
from ai.stigmer.agentic.environment.v1.api_pb2 import Environment
from ai.stigmer.agentic.executioncontext.v1 import command_pb2 as context_command_pb2
from ai.stigmer.agentic.executioncontext.v1 import query_pb2 as context_query_pb2
from ai.stigmer.agentic.executioncontext.v1.api_pb2 import ExecutionContext

from stigmer_core import Column, Kind, Owner, Service, hookimpl, service_names
from stigmer_plugin_environment._steps import check_names, refuse_change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.resources import Resources

_API_VERSION = "agentic.stigmer.ai/v1"

ENVIRONMENT = Kind(
    name="Environment",
    message=Environment,
    api_version=_API_VERSION,
    id_prefix="env",
    plural="environments",
    short_names=("env", "envs"),
    description="variables, some of them secret, that runs are given",
    number=53,
    services=service_names(command_pb2, query_pb2),
    columns=(Column("DESCRIPTION", "spec.description"),),
    visibility_levels=("visibility_private", "visibility_org"),
    secrets=("spec.data",),
    apply_order=20,
    check=check_names,
)
CONTEXT = Kind(
    name="ExecutionContext",
    message=ExecutionContext,
    api_version=_API_VERSION,
    id_prefix="ectx",
    plural="executioncontexts",
    short_names=("ectx",),
    description="the variables of one run; it goes with the run",
    display_name="Execution Context",
    number=54,
    services=service_names(context_command_pb2, context_query_pb2),
    columns=(Column("EXECUTION", "spec.executionId"),),
    secrets=("spec.data",),
    indexes=("spec.execution_id",),
    owners=(Owner("AgentExecution", "spec.execution_id"), Owner("WorkflowExecution", "spec.execution_id")),
    verbs=("get", "list", "delete"),
    apply_order=90,
    check=check_names,
    before_write=refuse_change,
)


@hookimpl
def stigmer_kinds() -> Sequence[Kind]:
    """Return Environment and ExecutionContext."""
    return [ENVIRONMENT, CONTEXT]


@hookimpl
def stigmer_services(resources: Resources) -> Sequence[Service]:
    """Return what the two kinds have beyond the generic RPCs."""
    from stigmer_plugin_environment import _controller as controller  # noqa: PLC0415 - the command line needs none

    return [
        Service(ENVIRONMENT.services[0], controller.EnvironmentCommands(ENVIRONMENT, resources)),
        Service(ENVIRONMENT.services[1], controller.EnvironmentQueries(ENVIRONMENT, resources)),
        Service(CONTEXT.services[0], controller.ContextCommands(CONTEXT, resources)),
        Service(CONTEXT.services[1], controller.ContextQueries(CONTEXT, resources)),
    ]
