"""The workflow itself: its tasks, once the run is known to whoever sends it events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.program import ActivityFailed, TimerFired
from stigmer_plugin_workflow_runner.program import budget
from stigmer_plugin_workflow_runner.program.faults import TaskFault, error_of
from stigmer_plugin_workflow_runner.program.tasks._do import Do

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution

SUBSCRIPTION = "?subscription"  # no position begins like it


@dataclass(frozen=True, slots=True)
class Root(Do):
    """The tasks of a workflow. One that listens anywhere subscribes first, so that nothing is missed."""

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Subscribe to the types of event that tasks listen to, or enter the first task."""
        budget.watch(execution)
        if execution.document.listens:
            subscribe(execution, frame_id)
        else:
            Do.begin(self, execution, frame_id)

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Enter the first task, unless the run is in the middle of them; or note that its time is over."""
        if isinstance(answer, TimerFired):
            budget.overdue(execution)
            return
        if isinstance(answer, ActivityFailed):
            raise TaskFault(error_of(answer.failure))
        if "tasks" not in execution.frame(frame_id):
            Do.begin(self, execution, frame_id)


def subscribe(execution: Execution, frame_id: str) -> None:
    """Ask for the events that tasks of the run listen to."""
    again = execution.state.get("recoveries", 0)
    key = f"{SUBSCRIPTION}~{again}" if again else SUBSCRIPTION
    execution.call(frame_id, "subscribe", {"types": list(execution.document.listens)}, key=key)
