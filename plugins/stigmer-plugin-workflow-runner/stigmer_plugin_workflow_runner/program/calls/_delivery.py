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
_WEBHOOK, _LOG = "webhook", "log"
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
    """A channel, the receivers of a message, the message, and the template that it is put into."""

    recipients: Template
    message: Template
    channel: str
    template: str

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for the delivery."""
        message = execution.evaluate(self.message, frame_id)
        execution.change(frame_id)["message"] = message
        recipients = execution.evaluate(self.recipients, frame_id)
        if self.channel != _WEBHOOK or self.template:
            self._notify(execution, frame_id, recipients, message)
            return
        targets = [{"webhook": {"uri": recipient}} for recipient in recipients]
        _deliver(execution, frame_id, targets, message, "application/json")

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with the message."""
        _raise_failure(answer)
        execution.complete(frame_id, execution.frame(frame_id)["message"])

    def _notify(self, execution: Execution, frame_id: str, recipients: Json, message: Json) -> None:
        if not isinstance(recipients, list) or not all(isinstance(one, str) for one in recipients):
            raise fault("configuration", "the recipients of a message are a list of texts")
        arguments = {"channel": self.channel, "recipients": recipients, "message": message, "template": self.template}
        execution.call(frame_id, "notify", hidden(arguments) if self.channel == _LOG else arguments)


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
    compiler.keys(section, ("recipients", "message", "channel", "template"), pointer)
    for key in ("channel", "template"):
        if not isinstance(section.get(key, ""), str):
            compiler.problem(f"{pointer}/{key}", f"a {key} is named by a text")
    recipients = _listed(compiler, section, "recipients", pointer)
    channel, template = str(section.get("channel", _WEBHOOK)), str(section.get("template", ""))
    message = section.get("message", {})
    if channel != _WEBHOOK or template:  # a webhook alone takes whatever JSON there is
        message = compiler.section(section, "message", pointer)
        if not isinstance(message.get("body"), str):
            compiler.problem(f"{pointer}/message", "a message has a 'body'")
    return Notify(
        recipients=compiler.value(recipients, f"{pointer}/recipients", visible),
        message=compiler.value(message, f"{pointer}/message", visible),
        channel=channel,
        template=template,
    )


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
