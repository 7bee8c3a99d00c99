"""`call: stigmer:jsonata`: evaluates an expression of JSONata over the task's input, outside of the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.program import ActivityFailed
from stigmer_plugin_workflow_runner.program.faults import TaskFault, error_of
from stigmer_plugin_workflow_runner.program.secrets import hidden

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution


@dataclass(frozen=True, slots=True)
class JSONata:
    """An expression, which is never made of data."""

    expression: str

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for its value. Secrets are no affair of it: its value is an output."""
        arguments = {"expression": self.expression, "input": hidden(execution.input(frame_id))}
        execution.call(frame_id, "jsonata", arguments)

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with the value."""
        if isinstance(answer, ActivityFailed):
            raise TaskFault(error_of(answer.failure))
        execution.complete(frame_id, getattr(answer, "result", {})["value"])


def compile_call(compiler: Compiler, place: Place) -> JSONata:
    """Compile a `call: stigmer:jsonata`."""
    section, pointer = compiler.section(place.definition, "with", place.pointer), place.at("with")
    compiler.keys(section, ("expression",), pointer)
    expression = section.get("expression")
    if not isinstance(expression, str) or not expression.strip():
        compiler.problem(pointer, "a call of JSONata has an 'expression', which is a text")
    return JSONata(str(expression))
