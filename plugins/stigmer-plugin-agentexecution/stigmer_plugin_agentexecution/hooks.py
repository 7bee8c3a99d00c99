"""What this plugin adds: the kind AgentExecution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.agentic.agentexecution.v1 import command_pb2, query_pb2
from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution

from stigmer_core import Column, Job, Kind, Owner, Service, hookimpl, service_names
from stigmer_plugin_agentexecution._status import publish
from stigmer_plugin_agentexecution._steps import check_write, require_ended

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.routing import BaseRoute

    from stigmer_core.program import Engine, Runner
    from stigmer_core.resources import Resources
    from stigmer_core.server import Links
    from stigmer_core.store import Migrations, Store

EXECUTION = Kind(
    name="AgentExecution",
    message=AgentExecution,
    api_version="agentic.stigmer.ai/v1",
    id_prefix="aex",
    plural="agentexecutions",
    short_names=("aex",),
    display_name="Agent Execution",
    description="one run of an agent",
    number=41,
    services=service_names(command_pb2, query_pb2),
    columns=(Column("PHASE", "status.phase"), Column("SESSION", "spec.sessionId"), Column("ERROR", "status.error")),
    verbs=("get", "list", "delete"),
    unique_slug=False,
    indexes=("spec.agent_id", "status.phase"),
    owners=(Owner("Session", "spec.session_id"),),
    secrets=("spec.runtime_env",),
    apply_order=90,
    before_write=check_write,
    before_delete=require_ended,
    publish=publish,
)


@hookimpl
def stigmer_kinds() -> Sequence[Kind]:
    """Return AgentExecution."""
    return [EXECUTION]


@hookimpl
def stigmer_migrations() -> Migrations:
    """Return the table of attachments."""
    from stigmer_core.store import Migrations  # noqa: PLC0415 - the command line reads kinds without the store

    return Migrations("agentexecution", "stigmer_plugin_agentexecution.migrations")


@hookimpl
def stigmer_services(
    resources: Resources,
    engine: Engine | None,
    runners: Mapping[str, Runner],
    links: Links,
) -> Sequence[Service]:
    """Return what runs of agents have beyond the generic RPCs."""
    from stigmer_core.resources import RunGate  # noqa: PLC0415 - the command line needs none
    from stigmer_plugin_agentexecution._commands import ExecutionCommands  # noqa: PLC0415
    from stigmer_plugin_agentexecution._creation import RUNNER, Executions  # noqa: PLC0415
    from stigmer_plugin_agentexecution._files import Files  # noqa: PLC0415
    from stigmer_plugin_agentexecution._queries import ExecutionQueries  # noqa: PLC0415

    gate = RunGate(RUNNER, "agents", "stigmer-plugin-agent-runner", engine, runners)
    executions = Executions(EXECUTION, resources, gate)
    files = Files(EXECUTION, resources, links)
    commands, queries = EXECUTION.services
    return [
        Service(commands, ExecutionCommands(executions, files)),
        Service(queries, ExecutionQueries(EXECUTION, resources, files)),
    ]


@hookimpl
def stigmer_routes(store: Store, links: Links) -> Sequence[BaseRoute]:
    """Return the lane on which files of runs are downloaded."""
    from stigmer_plugin_agentexecution._routes import download_routes  # noqa: PLC0415 - imports starlette

    return download_routes(store, links)


@hookimpl
def stigmer_jobs(store: Store) -> Sequence[Job]:
    """Return the sweep of attachments that no run has used."""
    from stigmer_plugin_agentexecution._store import SWEEP_EVERY, sweep  # noqa: PLC0415

    async def run() -> None:
        await store.run(sweep)

    return [Job("agentexecution-attachments", SWEEP_EVERY, run)]
