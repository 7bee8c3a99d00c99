"""A run whose budget is used up asks a person before its next task begins; whoever may edit the run can say.

A task that waits so is not begun yet. One answer is for all that wait: `continue` gives the run as much again as the
budget allows, `stop` fails it like the policy `terminate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from stigmer_plugin_workflow_runner.program import budget

if TYPE_CHECKING:
    from stigmer_core.program import Json, Signal
    from stigmer_plugin_workflow_runner.program.document import Listening
    from stigmer_plugin_workflow_runner.program.execution import Execution

_SIGNAL = "approval"
_REVIEW = "review"  # in the frame of a task that waits: the action that follows
_CONTINUE, _STOP = "continue", "stop"
_OUTCOMES = [{"name": _CONTINUE, "label": "Continue"}, {"name": _STOP, "label": "Stop the run"}]


def begin(execution: Execution, frame_id: str, then: Json) -> bool:
    """Let a task wait for a person, after which an action follows; return False when none has to be asked."""
    if not budget.needs_review(execution):
        return False
    frame = execution.change(frame_id)
    frame[_REVIEW], frame["asks"] = then, True
    budget.check(execution, frame, is_over=True)
    detail = str(budget.exceeded(execution).get("detail"))
    prompt = f"{detail}. Continue with as much again?"
    frame["question"] = {"prompt": prompt, "outcomes": _OUTCOMES, "review": "budget"}
    execution.status.asked(frame, frame["question"])
    execution.listen(frame_id)
    return True


def offer(execution: Execution, frame_id: str, signal: Signal) -> bool:
    """Offer a signal to a task that listens; return whether it takes it.

    Raises:
        TaskFault: the task faults at it.
    """
    frame = execution.frame(frame_id)
    if _REVIEW in frame:
        return _signalled(execution, frame_id, signal)
    return cast("Listening", execution.document.tasks[frame["task"]].body).signalled(execution, frame_id, signal)


def _signalled(execution: Execution, frame_id: str, signal: Signal) -> bool:
    """Take the answer to a review; what is meant for others is not taken."""
    answer: Any = signal.payload
    if signal.name != _SIGNAL or not isinstance(answer, dict):
        return False
    if answer.get("task") != execution.frame(frame_id)["task"] or (answer.get("position") or frame_id) != frame_id:
        return False
    if answer.get("outcome") == _CONTINUE:
        budget.lift(execution)
        _go_on(execution, frame_id)
    elif answer.get("outcome") == _STOP:
        execution.fail("", budget.exceeded(execution))
    return True


def _go_on(execution: Execution, answered: str) -> None:
    """Let everything go on that waits."""
    for frame_id in [name for name, frame in execution.frames.items() if _REVIEW in frame]:
        execution.stop_listening(frame_id)
        frame = execution.change(frame_id)
        if frame_id != answered:
            execution.status.decided(frame, _CONTINUE)
        del frame["asks"], frame["question"]
        execution.ready.append(frame.pop(_REVIEW))
