"""`wait`: the output is the input, later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.durations import parse_duration

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

KEYS = ("wait",)


@dataclass(frozen=True, slots=True)
class Wait:
    """A duration."""

    duration: Template

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Start the timer; none for no time at all."""
        duration = parse_duration(execution.evaluate(self.duration, frame_id))
        if duration:
            execution.wake(frame_id, frame_id, duration)
        else:
            execution.complete(frame_id, execution.input(frame_id))

    def answered(self, execution: Execution, frame_id: str, _answer: Answer) -> None:
        """Complete when the timer has fired."""
        execution.complete(frame_id, execution.input(frame_id))


def compile_body(compiler: Compiler, place: Place) -> Wait:
    """Compile a `wait` task."""
    return Wait(compiler.duration(place.definition["wait"], place.at("wait"), DEFINITION | place.variables))
