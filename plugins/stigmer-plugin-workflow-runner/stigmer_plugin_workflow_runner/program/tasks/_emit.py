"""`emit`: the output is a CloudEvent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.faults import fault

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

KEYS = ("emit",)


@dataclass(frozen=True, slots=True)
class Emit:
    """The attributes of an event; those that every event has are added."""

    attributes: Template

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Publish the event and complete with it."""
        attributes = execution.evaluate(self.attributes, frame_id)
        if not isinstance(attributes.get("type"), str):
            raise fault("configuration", "the type of an event is a string")
        header = execution.document.definition["document"]
        event = {
            "specversion": "1.0",
            "id": execution.unique_id(frame_id),
            "source": f"/{header['namespace']}/{header['name']}/{header['version']}",
            "time": execution.timestamp,
            "datacontenttype": "application/json",
            **attributes,
        }
        execution.status.emitted(execution.frame(frame_id), event)
        execution.complete(frame_id, event)


def compile_body(compiler: Compiler, place: Place) -> Emit:
    """Compile an `emit` task."""
    section = compiler.section(place.definition, "emit", place.pointer)
    compiler.keys(section, ("event",), place.at("emit"))
    event = compiler.section(section, "event", place.at("emit"))
    attributes = compiler.section(event, "with", place.at("emit", "event"))
    pointer = place.at("emit", "event", "with")
    if "type" not in attributes:
        compiler.problem(pointer, "an event has a 'type'")
    return Emit(compiler.value(attributes, pointer, DEFINITION | place.variables))
