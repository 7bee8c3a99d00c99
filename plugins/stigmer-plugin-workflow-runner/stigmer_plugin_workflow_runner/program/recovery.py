"""Going on after a failure: the tasks that were under way are begun again, everything that was done stays done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program import budget
from stigmer_plugin_workflow_runner.program.durations import parse_duration
from stigmer_plugin_workflow_runner.program.execution import TIMEOUT
from stigmer_plugin_workflow_runner.program.root import subscribe

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.execution import Execution

_AGAIN = re.compile(r"~\d+$", re.ASCII)  # what a position that was begun again ends with


def recover(execution: Execution) -> None:
    """Put the run back to where it failed, and begin the innermost tasks again under new ids.

    A task begun again is another effect, with another key: what it did before it failed may be done twice. Timeouts
    of the tasks around count anew.
    """
    recovery = execution.state.pop("recovery")
    execution.state["ended"] = False
    execution.state.pop("found", None)  # somebody may have mended them
    execution.state["recoveries"] = execution.state.get("recoveries", 0) + 1
    execution.frames.update(recovery["frames"])
    execution.ready.extend(recovery.get("ready", ()))
    ended = {frame_id for _, frame_id, *_ in execution.ready}
    for frame_id in list(execution.frames):
        frame = execution.change(frame_id)
        frame["waits"] = []
        if frame["children"] or (frame.get("listens") and not frame.get("asks")):
            _arm(execution, frame_id)
        elif frame_id not in ended:
            _begin_again(execution, frame_id)
    if execution.frame("")["children"]:
        budget.watch(execution)
    if execution.document.listens and execution.frame("")["children"]:
        subscribe(execution, "")  # a run that has failed is not known any more to whoever sends it events


def _begin_again(execution: Execution, frame_id: str) -> None:
    frame = execution.frames.pop(frame_id)
    parent, task = frame["parent"], execution.document.tasks[frame["task"]]
    if parent is not None:
        execution.change(parent)["children"] -= 1
    again = f"~{execution.state['recoveries']}"
    fresh = frame_id if parent is None else _AGAIN.sub("", frame_id) + again
    execution.enter(fresh, task, parent, frame["index"], frame.get("raw", frame["input"]))


def _arm(execution: Execution, frame_id: str) -> None:
    task = execution.document.tasks[execution.frame(frame_id)["task"]]
    if task.timeout is not None:
        after = parse_duration(execution.evaluate(task.timeout, frame_id))
        execution.wake(frame_id, f"{frame_id}{TIMEOUT}", after)
