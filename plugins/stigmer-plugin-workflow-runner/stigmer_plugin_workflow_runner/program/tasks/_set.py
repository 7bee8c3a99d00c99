"""`set`: the output is what the document says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.availability import DEFINITION

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

KEYS = ("set",)
_EXAMPLE = "such as {greeting: hello}"


@dataclass(frozen=True, slots=True)
class Set:
    """An object, or one expression."""

    value: Template

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Complete with the value."""
        execution.complete(frame_id, execution.evaluate(self.value, frame_id))


def compile_body(compiler: Compiler, place: Place) -> Set:
    """Compile a `set` task."""
    value = place.definition["set"]
    if not isinstance(value, (dict, str)) or not value:
        compiler.problem(place.at("set"), "expected an object with at least one key, or an expression", _EXAMPLE)
    return Set(compiler.value(value, place.at("set"), DEFINITION | place.variables))
