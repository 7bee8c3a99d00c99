"""The activity `agent_call`: one run of an agent, from its start to its end."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

from stigmer_core.resources.codec import from_dict
from stigmer_plugin_workflow_runner.activities.failures import misconfigured
from stigmer_plugin_workflow_runner.activities.followed import Followed
from stigmer_plugin_workflow_runner.activities.rpc import Rpc, refused
from stigmer_plugin_workflow_runner.wiring import root_run

if TYPE_CHECKING:
    from stigmer_core.program import ActivityContext, Json
    from stigmer_core.store import Reader
    from stigmer_plugin_workflow_runner.wiring import Wiring

logger = logging.getLogger(__name__)

_MICROS = 1_000_000
_STOPPED = "the workflow does not wait for it any more"


class AgentCall:
    """Runs agents over this server's own API. A repeated call finds the run that the first one made."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._agents = Rpc(wiring, "AgentExecution", "stigmer-plugin-agentexecution")
        self._runs = Rpc(wiring, "WorkflowExecution", "stigmer-plugin-workflow")

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Return how the run ended, with its answer and what it used.

        Raises:
            ActivityError: the run cannot be started, as the standard configuration error; or not now, as one that
                may be retried.
        """
        import grpc  # noqa: PLC0415 - with the server

        name = _name(context)
        read = self._agents.resources.store.read
        found = read(lambda reader: self._existing(reader, name, context))
        follower = Followed(self._agents, self._runs, root_run(context.run_id))
        try:
            run = found if found is not None else await self._created(arguments, name, context)
            if found is None:
                await follower.started(run, arguments)
            return await follower.ended(run)
        except grpc.aio.AioRpcError as error:
            raise refused(error, "the agent cannot be run") from error
        except asyncio.CancelledError:
            await self._stop(name, context)
            raise

    async def _created(self, arguments: Json, name: str, context: ActivityContext) -> Any:
        draft = self._agents.resources.store.read(lambda reader: self._draft(reader, arguments, name, context))
        return await self._agents.call("create", draft)

    async def _stop(self, name: str, context: ActivityContext) -> None:
        """Cancel the run, unless it is this server that stops: then the call is repeated later, and finds it."""
        import grpc  # noqa: PLC0415 - with the server

        engine = self._wiring.engine
        if engine is None or not engine.ready():
            return
        run = self._agents.resources.store.read(lambda reader: self._existing(reader, name, context))
        if run is None:
            return
        try:
            await self._agents.call("cancel", {"id": run.metadata.id, "reason": _STOPPED})
        except grpc.aio.AioRpcError as error:  # it has ended meanwhile
            logger.info("agent not cancelled run=%s code=%s", run.metadata.id, error.code().name)

    def _existing(self, reader: Reader, name: str, context: ActivityContext) -> Any:
        found = self._agents.resources.find_in(reader, self._agents.kind, self._org(reader, context), name)
        ours = found is not None and found.spec.parent_workflow_id == root_run(context.run_id)
        return found if ours else None

    def _org(self, reader: Reader, context: ActivityContext) -> str:
        row = reader.get(root_run(context.run_id))
        if row is None:
            raise misconfigured("the workflow's run is gone")
        return row.org

    def _draft(self, reader: Reader, arguments: Json, name: str, context: ActivityContext) -> Any:
        org = self._org(reader, context)
        draft: Any = self._agents.kind.message(api_version=self._agents.kind.api_version, kind="AgentExecution")
        draft.metadata.name = draft.metadata.slug = name
        draft.metadata.org = org
        spec = draft.spec
        spec.message, spec.parent_workflow_id = arguments["message"], root_run(context.run_id)
        _configure(spec.execution_config, arguments)
        if arguments.get("session"):
            spec.session_id = arguments["session"]
        else:
            spec.agent_id = self._agent_id(reader, org, arguments["agent"])
            _begin_session(spec.session_spec, arguments)
        for reference in arguments.get("environmentRefs", ()):
            self._add_environment(reader, spec.runtime_env, reference, org)
        for key, value in arguments.get("env", {}).items():
            spec.runtime_env[key].value = value if isinstance(value, str) else json.dumps(value)
            spec.runtime_env[key].is_secret = True  # it may come from one
        return draft

    def _agent_id(self, reader: Reader, org: str, reference: str) -> str:
        other, _, slug = reference.rpartition("/")
        row = reader.find("Agent", other or org, slug)
        if row is None:
            raise misconfigured(f"there is no agent {slug!r} in the organisation {other or org!r}")
        return row.id

    def _add_environment(self, reader: Reader, variables: Any, reference: Json, org: str) -> None:
        resources, slug = self._agents.resources, reference.get("slug", "")
        kind = resources.kinds.get("Environment")
        found = resources.find_in(reader, kind, reference.get("org") or org, slug) if kind is not None else None
        if kind is None or found is None:
            raise misconfigured(f"there is no environment {slug!r} in the organisation {reference.get('org') or org!r}")
        for key, value in resources.revealed_in(reader, kind, found).spec.data.items():
            variables[key].value, variables[key].is_secret = value.value, value.is_secret


def _name(context: ActivityContext) -> str:
    """Return the name of the run: the same for a repeated call."""
    digest = hashlib.sha256(f"{context.run_id}\n{context.command_key}".encode()).hexdigest()
    return f"workflow-{digest[:20]}"


def _configure(config: Any, arguments: Json) -> None:
    from_dict(arguments.get("config", {}), config)
    if arguments.get("schema"):
        config.structured_output_schema.update(arguments["schema"])
    left = arguments.get("costLeftMicros")
    if left is not None:
        config.max_cost_usd = min(config.max_cost_usd or left / _MICROS, left / _MICROS)


def _begin_session(session: Any, arguments: Json) -> None:
    entries = {"workspaceEntries": arguments.get("workspaceEntries", [])}
    from_dict(entries | ({"harness": arguments["harness"]} if arguments.get("harness") else {}), session)
