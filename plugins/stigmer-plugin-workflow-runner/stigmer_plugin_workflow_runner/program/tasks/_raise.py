"""`raise`: faults with an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.faults import TaskFault, check_error, fault

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

KEYS = ("raise",)


@dataclass(frozen=True, slots=True)
class Raise:
    """An error, whose fields may be expressions."""

    error: Template

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Fault."""
        error = execution.evaluate(self.error, frame_id)
        if not isinstance(error.get("type"), str) or not isinstance(error.get("status"), int):
            raise fault("configuration", "an error has a type and an integer status")
        raise TaskFault({"title": "", **{name: value for name, value in error.items() if value is not None}})


def compile_body(compiler: Compiler, place: Place) -> Raise:
    """Compile a `raise` task; the error may be named in `use.errors`."""
    section = compiler.section(place.definition, "raise", place.pointer)
    compiler.keys(section, ("error",), place.at("raise"))
    error, pointer = compiler.reused("errors", section.get("error"), place.at("raise", "error"))
    if error is None and isinstance(section.get("error"), str):
        return Raise(compiler.value({}, pointer, ()))
    checked = check_error(compiler, error, pointer)
    return Raise(compiler.value(checked, pointer, DEFINITION | place.variables))
