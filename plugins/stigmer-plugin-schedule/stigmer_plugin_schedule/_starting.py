"""Starting the agent run of a schedule: at most one for a name, however often it is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from ai.stigmer.agentic.agentexecution.v1 import enum_pb2
from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution
from ai.stigmer.agentic.schedule.v1 import io_pb2

from stigmer_core.errors import UnavailableError

if TYPE_CHECKING:
    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader
    from stigmer_plugin_schedule._wiring import Wiring

SCHEDULE_LABEL = "schedule-id"  # on each agent run that a schedule started

_CREATE = "/ai.stigmer.agentic.agentexecution.v1.AgentExecutionCommandController/create"
_AGAIN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
)
_STARTED = io_pb2.SCHEDULE_RUN_OUTCOME_STARTED
_REFUSED = io_pb2.SCHEDULE_RUN_OUTCOME_REFUSED
_MISSING = io_pb2.SCHEDULE_RUN_OUTCOME_TARGET_MISSING


@dataclass(frozen=True, slots=True)
class Started:
    """What came of it: an execution, or the reason why there is none."""

    outcome: int
    execution_id: str = ""
    reason: str = ""


class _MissingError(Exception):
    """Something that the schedule refers to is gone."""


async def start_agent(wiring: Wiring, schedule: Any, name: str) -> Started:
    """Create the agent run that a schedule asks for, under a name; return the one that is there already.

    Raises:
        UnavailableError: it cannot be created now; retrying later is right.
    """
    store = wiring.resources.store
    if found := store.read(lambda reader: _existing(reader, schedule, name)):
        return Started(_STARTED, found)
    try:
        execution = store.read(lambda reader: _execution(reader, wiring.resources, schedule, name))
    except _MissingError as error:
        return Started(_MISSING, reason=str(error))
    create = wiring.channel.unary_unary(_CREATE, AgentExecution.SerializeToString, AgentExecution.FromString)
    try:
        created = await create(execution)
    except grpc.aio.AioRpcError as error:
        return _refusal(error, store.read(lambda reader: _existing(reader, schedule, name)))
    return Started(_STARTED, created.metadata.id)


def _refusal(error: grpc.aio.AioRpcError, existing: str) -> Started:
    code, details = error.code(), error.details() or error.code().name.lower()
    if code in _AGAIN:
        raise UnavailableError(details) from error
    if code == grpc.StatusCode.ALREADY_EXISTS and existing:
        return Started(_STARTED, existing)
    return Started(_MISSING if code == grpc.StatusCode.NOT_FOUND else _REFUSED, reason=details)


def _existing(reader: Reader, schedule: Any, name: str) -> str:
    """Return the id of the run that an earlier try made, or nothing; one of somebody else's is none of ours."""
    row = reader.find("AgentExecution", schedule.metadata.org, name)
    if row is None:
        return ""
    labels = AgentExecution.FromString(row.body).metadata.labels
    return row.id if labels.get(SCHEDULE_LABEL) == schedule.metadata.id else ""


def _execution(reader: Reader, resources: Resources, schedule: Any, name: str) -> AgentExecution:
    asked, ours = schedule.spec.agent, schedule.metadata
    execution = AgentExecution(api_version="agentic.stigmer.ai/v1", kind="AgentExecution")
    execution.metadata.name = execution.metadata.slug = name
    execution.metadata.org = ours.org
    execution.metadata.labels[SCHEDULE_LABEL] = ours.id
    spec, session = execution.spec, execution.spec.session_spec
    spec.agent_id = _agent_id(reader, asked.agent_ref)
    spec.message = asked.message
    session.subject = ours.name
    session.harness = asked.harness
    session.workspace_entries.extend(asked.workspace_entries)
    _limit(spec.execution_config, asked.run_config)
    for reference in asked.environment_refs:
        for key, value in _environment(reader, resources, reference).items():
            spec.runtime_env[key].value, spec.runtime_env[key].is_secret = value.value, value.is_secret
    return execution


def _limit(config: Any, asked: Any) -> None:
    for field in asked.DESCRIPTOR.fields:
        setattr(config, field.name, getattr(asked, field.name))
    config.approval_mode = enum_pb2.APPROVAL_MODE_UNATTENDED  # nobody is there to answer


def _agent_id(reader: Reader, reference: Any) -> str:
    row = reader.find("Agent", reference.org, reference.slug)
    if row is None:
        raise _MissingError(f"Agent not found: {reference.org}/{reference.slug}")
    return row.id


def _environment(reader: Reader, resources: Resources, reference: Any) -> Any:
    """Return the variables of an environment by name, secrets included: the run is given them."""
    kind = resources.kinds.get("Environment")
    found = resources.find_in(reader, kind, reference.org, reference.slug) if kind is not None else None
    if kind is None or found is None:
        raise _MissingError(f"Environment not found: {reference.org}/{reference.slug}")
    return resources.revealed_in(reader, kind, found).spec.data
