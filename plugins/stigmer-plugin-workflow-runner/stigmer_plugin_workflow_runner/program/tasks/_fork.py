"""`fork`: branches at the same time. The output is theirs in the order they are declared, or the winner's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.templates import escaped

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Child
    from stigmer_plugin_workflow_runner.program.execution import Execution

KEYS = ("fork",)


@dataclass(frozen=True, slots=True)
class Fork:
    """Branches, which compete when only the first to complete counts. One that faults faults the fork."""

    branches: str
    competes: bool

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Enter every branch."""
        tasks = execution.document.lists[self.branches]
        execution.change(frame_id).update(outputs=[None] * len(tasks), left=len(tasks))
        for index, task in enumerate(tasks):
            branch = f"{frame_id}/fork/branches/{index}/{escaped(task.name)}"
            execution.enter(branch, task, frame_id, index, execution.input(frame_id))

    def child_ended(self, execution: Execution, frame_id: str, child: Child) -> None:
        """Complete with the first output, or with all of them."""
        if self.competes:
            execution.drop_children(frame_id)
            execution.complete(frame_id, child.output)
            return
        frame = execution.change(frame_id)
        outputs = list(frame["outputs"])
        outputs[child.index] = child.output
        frame.update(outputs=outputs, left=frame["left"] - 1)
        if not frame["left"]:
            execution.complete(frame_id, outputs)


def compile_body(compiler: Compiler, place: Place) -> Fork:
    """Compile a `fork` task."""
    fork = compiler.section(place.definition, "fork", place.pointer)
    compiler.keys(fork, ("branches", "compete"), place.at("fork"))
    compiler.task_list(fork.get("branches"), place.at("fork", "branches"), place.variables)
    for task in compiler.lists.get(place.at("fork", "branches"), ()):
        if isinstance(task.then, int):
            compiler.problem(f"{task.pointer}/then", "a branch cannot go to another branch", "continue or end")
    if not isinstance(fork.get("compete", False), bool):
        compiler.problem(place.at("fork", "compete"), "expected true or false")
    return Fork(place.at("fork", "branches"), fork.get("compete") is True)
