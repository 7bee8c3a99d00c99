"""Undoing what was done: the tasks of a `try` that have completed are undone before its handler runs.

The DSL has no compensation, so it stands in the metadata of tasks, under `stigmer.ai/compensate`: of any task a list of
tasks that undo it, whose input is its output; of a `try` true, which lets an error that is caught undo first, the
latest task first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program import sequence
from stigmer_plugin_workflow_runner.program.templates import escaped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer, Child
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.tasks._try import Try

KEY = "stigmer.ai/compensate"


@dataclass(frozen=True, slots=True)
class CompensatingTry:
    """A `try` whose completed tasks are undone when it catches an error."""

    inner: Try

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Begin with nothing to undo."""
        execution.change(frame_id).update(undo=[], undoing=False)
        self.inner.begin(execution, frame_id)

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Go on with the `try`."""
        self.inner.answered(execution, frame_id, answer)

    def child_ended(self, execution: Execution, frame_id: str, child: Child) -> None:
        """Undo the next task, or go on with the `try`."""
        if not execution.frame(frame_id)["undoing"]:
            self.inner.child_ended(execution, frame_id, child)
        elif not sequence.advance(execution, frame_id, child):
            self._undo(execution, frame_id)

    def catch(self, execution: Execution, frame_id: str, error: dict[str, Json]) -> bool:
        """Undo first; what goes wrong then, or in the handler, passes."""
        frame = execution.change(frame_id)
        if frame["undoing"]:
            return False
        if frame["handling"] or not frame["undo"] or not self.inner.is_meant(execution, frame_id, error):
            return self.inner.catch(execution, frame_id, error)
        self.inner.attempt_ended(execution, frame_id)
        frame.update(undoing=True, error=error)
        self._undo(execution, frame_id)
        return True

    def _undo(self, execution: Execution, frame_id: str) -> None:
        frame = execution.change(frame_id)
        if frame["undo"]:
            *frame["undo"], latest = frame["undo"]
            position = f"{frame_id}/undo#{len(frame['undo'])}"
            sequence.begin(execution, frame_id, latest["tasks"], position, latest["output"])
            return
        frame["undoing"] = False
        if not self.inner.catch(execution, frame_id, frame["error"]):
            execution.fail(frame_id, frame["error"])


def compile_compensation(compiler: Compiler, place: Place) -> None:
    """Compile the tasks that undo a task; they are found in the document's lists."""
    metadata = place.definition.get("metadata")
    undo = metadata.get(KEY) if isinstance(metadata, dict) else None
    if undo is not None and not (undo is True and "try" in place.definition):
        compiler.task_list(undo, _pointer(place.pointer), place.variables)


def compensating(place: Place, body: Try) -> Try | CompensatingTry:
    """Return the body of a `try`, which undoes first when its metadata says so."""
    metadata = place.definition.get("metadata")
    return CompensatingTry(body) if isinstance(metadata, dict) and metadata.get(KEY) is True else body


def completed(execution: Execution, frame: Mapping[str, Json], output: Json) -> None:
    """Note that a task has completed, with whoever around it would have it undone."""
    undo = [*frame.get("undo", ())]
    if _pointer(frame["task"]) in execution.document.lists:
        undo.append({"tasks": _pointer(frame["task"]), "output": output})
    around = frame["parent"]
    while undo and around is not None:
        found = execution.frame(around)
        if "undo" in found and not found["undoing"] and not found["handling"]:
            execution.change(around)["undo"] = [*found["undo"], *undo]
            return
        around = found["parent"]


def _pointer(task: str) -> str:
    return f"{task}/metadata/{escaped(KEY)}"
