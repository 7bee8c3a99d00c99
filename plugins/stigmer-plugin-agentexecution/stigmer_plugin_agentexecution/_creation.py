"""Starting a run: the gate, whom it talks to, its session and its variables, as one write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ai.stigmer.agentic.agentexecution.v1 import enum_pb2

from stigmer_core.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from stigmer_core.program import Run
from stigmer_core.resources import open_context
from stigmer_core.resources.codec import copy_of
from stigmer_plugin_agentexecution._store import missing_files, use_files

if TYPE_CHECKING:
    from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution

    from stigmer_core import Kind
    from stigmer_core.resources import Resources, RunGate
    from stigmer_core.store import Reader, Transaction

RUNNER = "agent"
AUTO_SUBJECT = "Auto-created session"
_SUFFIX = 8


class Target(NamedTuple):
    """Whom a run talks to; each part is None where the built-in assistant answers, or no session is there yet."""

    session: Any
    instance: Any
    agent: Any


@dataclass(frozen=True, slots=True)
class Executions:
    """Starts runs of agents."""

    kind: Kind
    resources: Resources
    gate: RunGate

    def prepared(self, request: AgentExecution) -> Any:
        """Return a create request that is complete: with a name, and the organization of its session.

        Raises:
            InvalidArgumentError: it brings a session with a state, or is wrong in another way.
            NotFoundError: there is no such session or agent.
        """
        if request.spec.session_spec.harness_state_id:
            raise InvalidArgumentError("session_spec.harness_state_id must be empty: a new session has no state yet")
        draft = copy_of(request)
        target = self.resources.store.read(lambda reader: self.target(reader, draft))
        if target.session is not None and not draft.metadata.org:
            draft.metadata.org = target.session.metadata.org
        if not draft.metadata.name and not draft.metadata.slug:
            about = target.agent.metadata.slug if target.agent is not None else "assistant"
            draft.metadata.name = f"{about}-{self._unique('AgentExecution')}"
        return self.resources.prepare(self.kind, draft, creating=True)

    def target(self, reader: Reader, execution: Any) -> Target:
        """Return whom a run talks to.

        Raises:
            NotFoundError: there is no such session, instance or agent.
        """
        spec = execution.spec
        session = self._one(reader, "Session", spec.session_id) if spec.session_id else None
        instance_id = (session.spec if session is not None else spec.session_spec).agent_instance_id
        agent = self._one(reader, "Agent", spec.agent_id) if spec.agent_id and not instance_id else None
        if agent is not None:
            instance_id = agent.status.default_instance_id
        if not instance_id:
            return Target(session, None, None)
        instance = self._one(reader, "AgentInstance", instance_id)
        return Target(session, instance, agent or self._one(reader, "Agent", instance.spec.agent_id))

    def create_in(self, tx: Transaction, prepared: Any) -> Any:
        """Store a prepared run with its session and its variables, and start it.

        Raises:
            FailedPreconditionError: its session belongs to another organization, or a file was not uploaded.
        """
        engine = self.gate.require_ready()
        draft, target = copy_of(prepared), self.target(tx, prepared)
        variables = {name: copy_of(value) for name, value in draft.spec.runtime_env.items()}
        draft.spec.ClearField("runtime_env")
        session = target.session or self._new_session(tx, draft, target)
        _require_same_org(session, draft)
        draft.spec.ClearField("session_spec")
        draft.spec.session_id = session.metadata.id
        if target.agent is not None:
            draft.spec.agent_id = target.agent.metadata.id
        execution = self.resources.create_in(tx, self.kind, draft)
        self._give_files(tx, execution)
        open_context(
            tx,
            self.resources,
            execution,
            environment_refs=target.instance.spec.environment_refs if target.instance is not None else (),
            runtime_env=variables,
            declared=target.agent.spec.env if target.agent is not None else {},
        )
        execution.status.phase = enum_pb2.EXECUTION_PENDING
        execution.status.callback_token = draft.spec.callback_token
        self.resources.save_in(tx, self.kind, execution, slot=None)
        engine.start(tx, Run(execution.metadata.id, RUNNER, {"id": execution.metadata.id}))
        return execution

    def _new_session(self, tx: Transaction, draft: Any, target: Target) -> Any:
        kind = self.resources.kind("Session")
        session: Any = kind.message()
        session.api_version, session.kind = kind.api_version, kind.name
        session.metadata.name = f"session-{self._unique('Session')}"
        session.metadata.org = draft.metadata.org
        session.spec.CopyFrom(draft.spec.session_spec)
        session.spec.subject = session.spec.subject or AUTO_SUBJECT
        if target.instance is not None:
            session.spec.agent_instance_id = target.instance.metadata.id
        return self.resources.create_in(tx, kind, self.resources.prepare(kind, session, creating=True))

    def _give_files(self, tx: Transaction, execution: Any) -> None:
        keys = [attachment.storage_key for attachment in execution.spec.attachments if not attachment.local_path]
        missing = missing_files(tx, keys)
        if missing:
            raise FailedPreconditionError(
                f"attachment(s) not uploaded: {', '.join(missing)}; use uploadAttachment first"
            )
        use_files(tx, execution.metadata.id, keys)

    def _one(self, reader: Reader, name: str, resource_id: str) -> Any:
        kind = self.resources.kinds.get(name)
        if kind is None:
            raise NotFoundError(name, resource_id, f"{name} {resource_id}: no installed plugin provides this kind")
        return self.resources.get_in(reader, kind, resource_id)

    def _unique(self, name: str) -> str:
        return self.resources.new_id(self.resources.kind(name))[-_SUFFIX:]


def _require_same_org(session: Any, draft: Any) -> None:
    if session.metadata.org != draft.metadata.org:
        raise FailedPreconditionError(
            f"session {session.metadata.id} is of org '{session.metadata.org}',"
            f" its executions cannot be of org '{draft.metadata.org}'"
        )
