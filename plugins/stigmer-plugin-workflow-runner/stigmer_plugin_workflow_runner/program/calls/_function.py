"""`call` of a function: a task that the document defines in `use.functions`, with its arguments as input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.faults import fault

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Child
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template


@dataclass(frozen=True, slots=True)
class CallFunction:
    """Which function is called, and with what: nothing else of its caller is seen by it."""

    arguments: Template
    function: str  # the pointer of its task

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Enter the function's task."""
        value = function_input(execution, frame_id, self.arguments)
        child_id = f"{frame_id}/call"
        execution.enter(child_id, execution.document.tasks[self.function], frame_id, 0, value)
        execution.change(child_id)["isolated"] = True

    def child_ended(self, execution: Execution, frame_id: str, child: Child) -> None:
        """Complete with the function's output."""
        execution.complete(frame_id, child.output)


def function_input(execution: Execution, frame_id: str, arguments: Template) -> Json:
    """Return what a function gets.

    Raises:
        TaskFault: an expression in `with` fails, or does not make an object.
    """
    value = execution.evaluate(arguments, frame_id)
    if not isinstance(value, dict):
        raise fault("configuration", "the arguments of a function are an object, by names")
    return value


def compile_arguments(compiler: Compiler, place: Place) -> Template:
    """Compile the `with` of a call to a function."""
    value = place.definition.get("with", {})
    if not isinstance(value, (dict, str)):
        compiler.problem(place.at("with"), "the arguments of a function are an object, by names", "such as {id: .id}")
    return compiler.value(value, place.at("with"), DEFINITION | place.variables)


def compile_function_call(compiler: Compiler, place: Place, pointer: str) -> CallFunction:
    """Compile a call of a function of the document."""
    return CallFunction(compile_arguments(compiler, place), pointer)
