"""`call: stigmer:deliver` and `call: stigmer:notify`: sends an event or a message to webhooks and other runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.program import ActivityFailed
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.faults import TaskFault, error_of, fault
from stigmer_plugin_workflow_runner.program.secrets import hidden

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

_CLOUD_EVENT = "application/cloudevents+json"
_TARGETS = {"webhook": ("uri", "headers"), "signal": ("execution", "name")}


@dataclass(frozen=True, slots=True)
class Deliver:
    """The receivers of the event that the task before put out. They are looked at as the task around sees them."""

    targets: Template

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for the delivery."""
        targets = execution.evaluate(self.targets, execution.frame(frame_id)["parent"])
        _deliver(execution, frame_id, targets, hidden(execution.input(frame_id)), _CLOUD_EVENT)

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with the event."""
        _raise_failure(answer)
        execution.complete(frame_id, execution.input(frame_id))


@dataclass(frozen=True, slots=True)
class Notify:
    """Webhooks and the message to them."""

    recipients: Template
    message: Template

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for the delivery."""
        message = execution.evaluate(self.message, frame_id)
        execution.change(frame_id)["message"] = message
        recipients = execution.evaluate(self.recipients, frame_id)
        targets = [{"webhook": {"uri": recipient}} for recipient in recipients]
        _deliver(execution, frame_id, targets, message, "application/json")

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with the message."""
        _raise_failure(answer)
        execution.complete(frame_id, execution.frame(frame_id)["message"])


def compile_call(compiler: Compiler, place: Place) -> Deliver | Notify:
    """Compile a `call: stigmer:deliver` or a `call: stigmer:notify`."""
    section, pointer = compiler.section(place.definition, "with", place.pointer), place.at("with")
    visible = DEFINITION | place.variables
    if place.definition["call"] == "stigmer:deliver":
        compiler.keys(section, ("targets",), pointer)
        targets = _listed(compiler, section, "targets", pointer)
        for at, target in enumerate(targets):
            _check_target(compiler, target, f"{pointer}/targets/{at}")
        return Deliver(compiler.value(targets, f"{pointer}/targets", visible))
    compiler.keys(section, ("recipients", "message"), pointer)
    recipients = _listed(compiler, section, "recipients", pointer)
    message = compiler.value(section.get("message", {}), f"{pointer}/message", visible)
    return Notify(compiler.value(recipients, f"{pointer}/recipients", visible), message)


def _listed(compiler: Compiler, section: dict[str, Json], key: str, pointer: str) -> list[Json]:
    value = section.get(key)
    if isinstance(value, list) and value:
        return value
    compiler.problem(f"{pointer}/{key}", "expected a list with at least one receiver")
    return []


def _check_target(compiler: Compiler, target: Json, pointer: str) -> None:
    kind = next(iter(target), "") if isinstance(target, dict) and len(target) == 1 else ""
    if kind not in _TARGETS or not isinstance(target[kind], dict):
        compiler.problem(pointer, "a receiver is a 'webhook' or a 'signal'")
        return
    compiler.keys(target[kind], _TARGETS[kind], f"{pointer}/{kind}")


def _deliver(execution: Execution, frame_id: str, targets: Json, payload: Json, content_type: str) -> None:
    for target in targets:
        (parts,) = target.values()
        if not all(isinstance(value, str) for name, value in parts.items() if name != "headers"):
            raise fault("configuration", f"the address of a receiver is not a text: {hidden(parts)}")
    shown = [hidden(target["webhook"]["uri"]) if "webhook" in target else "" for target in targets]
    arguments = {"targets": targets, "shown": shown, "payload": payload, "contentType": content_type}
    execution.call(frame_id, "deliver", arguments)


def _raise_failure(answer: Answer) -> None:
    if isinstance(answer, ActivityFailed):
        raise TaskFault(error_of(answer.failure))
