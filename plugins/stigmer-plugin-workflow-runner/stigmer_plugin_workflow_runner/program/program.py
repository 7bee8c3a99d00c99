"""The program of a workflow run, as an engine drives it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.program import (
    ActivityDone,
    ActivityFailed,
    CancelRequested,
    ChildDone,
    Fail,
    Failure,
    Publish,
    RecoverRequested,
    Signal,
    Step,
    TimerFired,
)
from stigmer_plugin_workflow_runner.program import holding, machine, recovery
from stigmer_plugin_workflow_runner.program.compiler import compile_document
from stigmer_plugin_workflow_runner.program.execution import Execution
from stigmer_plugin_workflow_runner.program.faults import BASE, fault
from stigmer_plugin_workflow_runner.program.secrets import hidden
from stigmer_plugin_workflow_runner.program.status import timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from stigmer_core.program import Event, Json


class WorkflowProgram:
    """Interprets a DSL document. Its state is plain JSON and holds the document, so it can run anywhere."""

    def start(self, input: Json, now: datetime) -> Step:  # noqa: A002 - the protocol's word
        """Return the first step.

        Args:
            input: `{"document": the DSL document, "input": the run's input}`, and optionally `"id"`, which becomes
                `$workflow.id`, `"secrets"`, the shapes of the secrets the run was given (see `secrets`), and `"depth"`,
                how many workflows are around it.
            now: the moment the run starts.
        """
        document, value = input["document"], input.get("input")
        if not input.get("depth"):
            value = hidden(value)  # only a workflow around this one passes secrets on
        try:
            compiled = compile_document(document)
        except InvalidArgumentError as error:
            return _refused(error, now)
        state = {
            "digest": compiled.digest,
            "document": document,
            "id": input.get("id") or _run_id(compiled.digest, value, now),
            "input": value,
            "context": {},
            "secrets": {},
            "inbox": [],
            "depth": input.get("depth", 0),
            "started": timestamp(now),
            "frames": {},
            "waits": {},
            "ready": [],
            "events": 0,
            "pauses": 0,
            "paused": False,
            "ended": False,
        }
        execution = Execution(compiled, state, now)
        execution.status.run_started()
        execution.enter(machine.ROOT, compiled.root, None, 0, value)
        _give_secrets(execution, input.get("secrets") or {})
        return _step(execution)

    def advance(self, state: Json, event: Event) -> Step:
        """Return the next step; an event that answers nothing outstanding changes nothing."""
        if state["ended"] and not (isinstance(event, RecoverRequested) and state.get("recovery")):
            return Step(state, ())
        compiled = compile_document(state["document"], digest=state["digest"])
        execution = Execution(compiled, state, event.now)
        if not _take(execution, event):
            return Step(state, ())
        if not holding.is_held(execution):
            return _step(execution)
        published = _published(execution)
        return Step(execution.saved(), () if published is None else (published,))


def _take(execution: Execution, event: Event) -> bool:
    """Let an event have its effect; return False when it has none."""
    match event:
        case RecoverRequested():
            recovery.recover(execution)
        case CancelRequested():
            holding.go_on(execution, forget=True)
            machine.cancel(execution, event.reason)
        case Signal(name="pause"):
            holding.hold(execution)
        case Signal(name="resume"):
            holding.go_on(execution)
        case Signal():
            machine.deliver(execution, replace(event, payload=hidden(event.payload)))
        case ActivityDone() | ActivityFailed() | TimerFired() | ChildDone():
            if holding.is_held(execution):
                holding.keep(execution, event)
            else:
                return machine.answer(execution, event)
    return True


def _step(execution: Execution) -> Step:
    machine.settle(execution)
    published = _published(execution)
    commands = [published, *execution.commands] if published is not None else execution.commands
    return Step(execution.saved(), commands)


def _published(execution: Execution) -> Publish | None:
    """Return the command that shows what has changed, None when nothing has."""
    for frame in execution.frames.values():
        if frame.get("asks") and frame.get("listens"):
            execution.status.still_asks(frame)
    return execution.status.publish()


def _give_secrets(execution: Execution, shapes: dict[str, Json]) -> None:
    """Let expressions see the secrets that the document declares; one that the run was not given faults it."""
    declared = (execution.document.definition.get("use") or {}).get("secrets") or []
    execution.state["secrets"] = {name: shapes[name] for name in declared if name in shapes}
    missing = [name for name in declared if name not in shapes]
    if missing:
        execution.ready.clear()
        execution.fail(machine.ROOT, fault("authorization", f"the run was not given {', '.join(missing)}").error)


def _run_id(digest: str, value: Json, now: datetime) -> str:
    text = json.dumps([digest, value, timestamp(now)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _refused(error: InvalidArgumentError, now: datetime) -> Step:
    """Return the step of a run whose document this version cannot run: one stored by another version, or unchecked."""
    detail = "; ".join(map(str, error.problems))
    failure = Failure(f"{BASE}configuration", "Configuration Error", 400, detail)
    moment = timestamp(now)
    failed = {"error": detail, "durationMs": 0}
    status = {"phase": "EXECUTION_FAILED", "startedAt": moment, "completedAt": moment, "error": detail}
    event = {"eventType": "execution_failed", "occurredAt": moment, "executionFailed": failed}
    return Step({"ended": True}, (Publish({"status": status, "events": [event]}), Fail(failure)))
