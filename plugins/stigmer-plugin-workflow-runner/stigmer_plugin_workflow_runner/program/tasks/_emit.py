"""`emit`: publishes a CloudEvent, which is the output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.program import ActivityFailed, Signal
from stigmer_plugin_workflow_runner.program import machine
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.events import ANY_TYPE, wrong_attribute, wrong_event
from stigmer_plugin_workflow_runner.program.faults import TaskFault, error_of, fault
from stigmer_plugin_workflow_runner.program.secrets import hidden
from stigmer_plugin_workflow_runner.program.templates import escaped, expression_text

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

KEYS = ("emit",)


@dataclass(frozen=True, slots=True)
class Emit:
    """The attributes of an event; those that every event has are added."""

    attributes: Template

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Publish the event to the other runs; they see no secret."""
        attributes = execution.evaluate(self.attributes, frame_id)
        header = execution.document.definition["document"]
        event = {
            "specversion": "1.0",
            "id": execution.unique_id(frame_id),
            "source": f"/{header['namespace']}/{header['name']}/{header['version']}",
            "time": execution.timestamp,
            "datacontenttype": "application/json",
            **{name: value for name, value in attributes.items() if value is not None or name == "data"},
        }
        if wrong := wrong_event(event):
            raise fault("validation", wrong)
        execution.change(frame_id)["event"] = event
        execution.call(frame_id, "publish", {"event": hidden(event)})

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with the event, and let the run's own tasks have it."""
        if isinstance(answer, ActivityFailed):
            raise TaskFault(error_of(answer.failure))
        event: dict[str, Json] = execution.frame(frame_id)["event"]
        execution.status.emitted(execution.frame(frame_id), event)
        execution.complete(frame_id, event)
        if {event["type"], ANY_TYPE} & set(execution.document.listens):
            machine.deliver(execution, Signal(event["id"], "event", event, execution.now))


def compile_body(compiler: Compiler, place: Place) -> Emit:
    """Compile an `emit` task."""
    section = compiler.section(place.definition, "emit", place.pointer)
    compiler.keys(section, ("event",), place.at("emit"))
    event = compiler.section(section, "event", place.at("emit"))
    compiler.keys(event, ("with",), place.at("emit", "event"))
    attributes = compiler.section(event, "with", place.at("emit", "event"))
    pointer = place.at("emit", "event", "with")
    if "type" not in attributes:
        compiler.problem(pointer, "an event has a 'type'", "such as {type: com.example.ordered}")
    for name, value in attributes.items():
        is_known = not isinstance(value, str) or expression_text(value) is None
        if is_known and value is not None and (wrong := wrong_attribute(name, value)):
            compiler.problem(f"{pointer}/{escaped(name)}", wrong)
    return Emit(compiler.value(attributes, pointer, DEFINITION | place.variables))
