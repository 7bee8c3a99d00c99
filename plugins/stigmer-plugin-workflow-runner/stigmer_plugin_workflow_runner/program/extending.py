"""Extensions of tasks: lists of tasks that run before and after others, inside of these.

What stands before gets the task's input and what stands after its output; what they put out is dropped, unless one
that stands before ends with `exit`: then that is the output of the task, which does not run.

Source: DSL reference, "Extension".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.values import truthy
from stigmer_plugin_workflow_runner.program import sequence
from stigmer_plugin_workflow_runner.program.variables import VARIABLES

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.document import Child, Directive
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

INDEX = -1  # of a child that is an extension: it stands in no list


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension; `before` and `after` are pointers of tasks whose body is a `Detour`."""

    condition: Template | None
    before: str | None
    after: str | None

    def side(self, name: str) -> str | None:
        """Return what stands before, or after."""
        return self.before if name == "before" else self.after


@dataclass(frozen=True, slots=True)
class Detour:
    """A list of tasks of an extension, which may leave the task around it with `exit`."""

    tasks: str  # the list's pointer

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Enter the first task."""
        sequence.begin(execution, frame_id, self.tasks, frame_id, execution.input(frame_id))

    def child_ended(self, execution: Execution, frame_id: str, child: Child) -> None:
        """Enter the next task, or complete with the last one's output."""
        if not sequence.advance(execution, frame_id, child):
            execution.complete(frame_id, child.output, then="exit" if child.then == "exit" else None)


def begin(execution: Execution, frame_id: str) -> bool:
    """Run what stands before a task; return False when nothing does."""
    task = execution.document.tasks[execution.frame(frame_id)["task"]]
    if not task.extensions or _is_inside(execution, frame_id):
        return False
    known = _described(execution, frame_id)
    applied = [
        at
        for at, extension in enumerate(task.extensions)
        if extension.condition is None or truthy(execution.evaluate(extension.condition, frame_id, task=known))
    ]
    execution.change(frame_id)["applied"] = applied
    return _begin_side(execution, frame_id, "before", execution.input(frame_id))


def finish(execution: Execution, frame_id: str, output: Json, then: Directive | None) -> bool:
    """Run what stands after a task that has its output; return False when nothing does."""
    if not execution.frame(frame_id).get("applied"):
        return False
    execution.change(frame_id)["finished"] = [output, then]
    return _begin_side(execution, frame_id, "after", output)


def ended(execution: Execution, frame_id: str, child: Child) -> None:
    """Go on after a list of an extension: with the next one, with the task, or after it."""
    frame = execution.change(frame_id)
    if child.then == "exit" and frame["side"] == "before":
        frame["applied"] = []
        execution.complete(frame_id, child.output)
    elif child.then != "exit" and _next(execution, frame_id):
        pass
    elif frame["side"] == "before":
        execution.document.tasks[frame["task"]].body.begin(execution, frame_id)
    else:
        execution.ready.append(["finish", frame_id, *frame["finished"]])


def _begin_side(execution: Execution, frame_id: str, side: str, value: Json) -> bool:
    frame = execution.change(frame_id)
    frame.update(side=side, offered=value, left=frame["applied"])
    return _next(execution, frame_id)


def _next(execution: Execution, frame_id: str) -> bool:
    frame = execution.change(frame_id)
    extensions = execution.document.tasks[frame["task"]].extensions
    while frame["left"]:
        at, *frame["left"] = frame["left"]
        pointer = extensions[at].side(frame["side"])
        if pointer is not None:
            child_id = f"{frame_id}/extensions/{at}/{frame['side']}"
            execution.enter(child_id, execution.document.tasks[pointer], frame_id, INDEX, frame["offered"])
            execution.change(child_id)["variables"] = {"task": _described(execution, frame_id)}
            return True
    return False


def _described(execution: Execution, frame_id: str) -> Json:
    """Return `$task` of an extension: the task that is extended, with the fields of its definition."""
    definition = execution.document.tasks[execution.frame(frame_id)["task"]].definition
    return {**definition, **VARIABLES["task"](execution, frame_id)}


def _is_inside(execution: Execution, frame_id: str | None) -> bool:
    """Return whether a task runs for an extension: those are not extended, nor are the functions they call."""
    while frame_id is not None:
        frame = execution.frame(frame_id)
        if frame["index"] == INDEX:
            return True
        frame_id = frame["parent"]
    return False
