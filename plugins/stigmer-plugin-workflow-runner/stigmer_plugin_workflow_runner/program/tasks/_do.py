"""`do`: tasks one after the other, each getting what the one before put out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program import sequence

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Child
    from stigmer_plugin_workflow_runner.program.execution import Execution

KEYS = ("do",)


@dataclass(frozen=True, slots=True)
class Do:
    """A list of tasks, and nothing else."""

    tasks: str  # the list's pointer

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Enter the first task."""
        sequence.begin(execution, frame_id, self.tasks, f"{frame_id}/do", execution.input(frame_id))

    def child_ended(self, execution: Execution, frame_id: str, child: Child) -> None:
        """Enter the next task, or complete with the last one's output."""
        if not sequence.advance(execution, frame_id, child):
            execution.complete(frame_id, child.output)


def compile_body(compiler: Compiler, place: Place) -> Do:
    """Compile a `do` task."""
    compiler.task_list(place.definition["do"], place.at("do"), place.variables)
    return Do(place.at("do"))
