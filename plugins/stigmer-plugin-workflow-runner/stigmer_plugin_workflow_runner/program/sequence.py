"""A list of tasks under way inside a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.templates import escaped

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.document import Child
    from stigmer_plugin_workflow_runner.program.execution import Execution


def begin(execution: Execution, frame_id: str, tasks: str, position: str, value: Json) -> None:
    """Enter the first task of a list.

    Args:
        execution: the step that is made.
        frame_id: whose list it is.
        tasks: the list's pointer in the document.
        position: the prefix of the children's ids, which says iteration and attempt too.
        value: the raw input of the first task.
    """
    execution.change(frame_id).update(tasks=tasks, position=position, visits={})
    _enter(execution, frame_id, 0, value)


def advance(execution: Execution, frame_id: str, child: Child) -> bool:
    """Enter the task that follows; return False when the list has ended."""
    if child.then == "exit":
        return False
    tasks = execution.document.lists[execution.frame(frame_id)["tasks"]]
    index = child.index + 1 if isinstance(child.then, str) else child.then
    if index >= len(tasks):
        return False
    _enter(execution, frame_id, index, child.output)
    return True


def _enter(execution: Execution, frame_id: str, index: int, value: Json) -> None:
    frame = execution.change(frame_id)
    task = execution.document.lists[frame["tasks"]][index]
    visit = frame["visits"].get(str(index), 0)
    frame["visits"] = {**frame["visits"], str(index): visit + 1}
    # A task that a directive went back to is another effect, so its id says which visit it is
    again = f"+{visit}" if visit else ""
    execution.enter(f"{frame['position']}/{index}/{escaped(task.name)}{again}", task, frame_id, index, value)
