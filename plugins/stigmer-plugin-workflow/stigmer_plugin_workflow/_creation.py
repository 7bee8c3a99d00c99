"""Creating an execution: the gate, the workflow it pins, and the run, as one write."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2

from stigmer_core.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from stigmer_core.program import Run
from stigmer_core.resources import context_values, open_context
from stigmer_core.resources.codec import copy_of
from stigmer_core.resources.json_text import read_json
from stigmer_plugin_workflow._steps import RUNNER, document_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution

    from stigmer_core.program import Json
    from stigmer_core.resources import Resources, RunGate
    from stigmer_core.store import Reader, Transaction

_SUFFIX = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """What an execution runs: the document, the hash of its version, and where its variables come from."""

    document: Json
    version_hash: str
    environment_refs: Sequence[Any] = ()
    declared: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Executions:
    """Starts executions."""

    resources: Resources
    gate: RunGate

    def tell(self, tx: Transaction, execution_id: str, name: str, payload: Json, *, signal_id: str = "") -> None:
        """Send a run a signal.

        Raises:
            FailedPreconditionError: the engine is away, or is not the one that the run was started with.
        """
        engine = self.gate.require_reachable()
        try:
            engine.signal(tx, execution_id, name, payload, signal_id=signal_id)
        except NotFoundError:
            text = f"execution {execution_id} was started with another engine than {engine.name}, and goes on with that"
            raise FailedPreconditionError(text) from None

    def create_in(self, tx: Transaction, draft: Any) -> Any:
        """Store a prepared execution of a stored workflow and start it.

        Raises:
            NotFoundError: there is no such workflow or instance.
        """
        workflow = self.workflow_of(tx, draft.spec)
        instance_id = draft.spec.workflow_instance_id or workflow.status.default_instance_id
        draft.spec.workflow_id, draft.spec.workflow_instance_id = workflow.metadata.id, instance_id
        instance = self.resources.get_in(tx, self.resources.kind("WorkflowInstance"), instance_id)
        plan = Plan(
            document_of(workflow),
            workflow.status.version_hash,
            environment_refs=instance.spec.environment_refs,
            declared=workflow.spec.env,
        )
        return self.start_in(tx, draft, plan)

    def start_in(self, tx: Transaction, draft: Any, plan: Plan) -> Any:
        """Store a prepared execution with its variables, and start it."""
        engine = self.gate.require_ready()
        kind = self.resources.kind("WorkflowExecution")
        runtime_env = {name: copy_of(value) for name, value in draft.spec.runtime_env.items()}
        draft.spec.ClearField("runtime_env")
        draft.status.phase = enum_pb2.EXECUTION_PENDING
        draft.status.workflow_version_hash = plan.version_hash
        execution = self.resources.create_in(tx, kind, draft)
        context = open_context(
            tx,
            self.resources,
            execution,
            environment_refs=plan.environment_refs,
            runtime_env=runtime_env,
            declared=plan.declared,
        )
        values = context_values(tx, self.resources, execution.metadata.id) if context is not None else {}
        engine.start(tx, Run(execution.metadata.id, RUNNER, _run_input(execution, plan.document, values)))
        return execution

    def named(self, request: Any, fallback: str) -> Any:
        """Return a copy of a create request that has a name: `<fallback>-<unique suffix>` when it brings none."""
        execution = copy_of(request)
        if not execution.metadata.name and not execution.metadata.slug:
            unique = self.resources.new_id(self.resources.kind("WorkflowExecution"))[-_SUFFIX:]
            execution.metadata.name = f"{fallback}-{unique}"
        return execution

    def workflow_of(self, reader: Reader, spec: Any) -> Any:
        """Return the stored workflow that an execution's spec names, directly or by an instance.

        Raises:
            NotFoundError: there is no such workflow or instance.
        """
        workflow_id = spec.workflow_id
        if spec.workflow_instance_id:
            kind = self.resources.kind("WorkflowInstance")
            workflow_id = self.resources.get_in(reader, kind, spec.workflow_instance_id).spec.workflow_id
        return self.resources.get_in(reader, self.resources.kind("Workflow"), workflow_id)


def check_request(execution: WorkflowExecution) -> None:
    """Check what a create request says before anything is looked up.

    Raises:
        InvalidArgumentError: it names no workflow.
    """
    if not execution.spec.workflow_id and not execution.spec.workflow_instance_id:
        raise InvalidArgumentError("workflow_id or workflow_instance_id is required")


def _run_input(execution: Any, document: Json, values: Mapping[str, str]) -> Json:
    """Return what the program is given: of secrets it learns their shapes only."""
    return {
        "id": execution.metadata.id,
        "document": document,
        "input": run_input_of(execution.spec),
        "secrets": {name: _shape_of(_secret(value)) for name, value in values.items()},
    }


def run_input_of(spec: Any) -> Json:
    """Return a run's input: the trigger message when it is a JSON object or list, else message and metadata."""
    message, metadata = spec.trigger_message, dict(spec.trigger_metadata)
    try:
        value = read_json(message, "trigger message") if message else None
    except InvalidArgumentError:
        value = None
    if isinstance(value, (dict, list)):
        return value
    return {"message": message, "metadata": metadata} if message or metadata else {}


def _secret(value: str) -> Json:
    """Return a variable as a secret of the DSL: a JSON object or list has parts, anything else is one text."""
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return parsed if isinstance(parsed, (dict, list)) else value


def _shape_of(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _shape_of(item) for key, item in value.items()}
    return [_shape_of(item) for item in value] if isinstance(value, list) else None
