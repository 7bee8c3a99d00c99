"""The rules that all tasks share: entering, completing, faulting, and going where a directive says."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from stigmer_core.program import Complete, Fail, Failure, StartTimer
from stigmer_plugin_workflow_runner.expressions.budget import STEPS, Meter
from stigmer_plugin_workflow_runner.expressions.values import truthy
from stigmer_plugin_workflow_runner.program import compensation, extending, fetching, review
from stigmer_plugin_workflow_runner.program.document import ITERATION, Child, Composite, Guard, Resumable, Waiting
from stigmer_plugin_workflow_runner.program.durations import parse_duration
from stigmer_plugin_workflow_runner.program.execution import TIMEOUT, Execution
from stigmer_plugin_workflow_runner.program.faults import BASE, TaskFault, failure_of, fault
from stigmer_plugin_workflow_runner.program.secrets import hidden

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_core.program import Json, Signal
    from stigmer_plugin_workflow_runner.program.document import Answer, Directive, Task

ROOT = ""  # the id of the frame of the workflow itself
BATCH = 500  # tasks begun in one step; then a timer of no length lets others have their turn
WORK = STEPS // 2  # steps of expressions in one step; likewise
PAUSE = "?pause"


def settle(execution: Execution) -> None:
    """Do everything that can be done now."""
    begun = 0
    with Meter() as meter:
        while execution.ready and begun < BATCH and meter.steps < WORK and not execution.state["ended"]:
            action, frame_id, *rest = execution.ready.pop(0)
            if frame_id not in execution.frames:
                continue  # its branch lost, or its parent faulted
            begun += action == "enter"
            try:
                _ACTIONS[action](execution, frame_id, *rest)
            except TaskFault as error:
                _fault(execution, frame_id, error.error)
    if execution.ready and not execution.state["ended"] and not execution.state["paused"]:
        execution.state["paused"] = True
        execution.state["pauses"] += 1
        execution.commands.append(StartTimer(f"{PAUSE}{execution.state['pauses']}", execution.now))


def answer(execution: Execution, event: Answer) -> bool:
    """Hand an answer to the task that waits for it; return False when none does."""
    if event.id == f"{PAUSE}{execution.state['pauses']}" and execution.state["paused"]:
        execution.state["paused"] = False
        return True
    frame_id = execution.answer(event.id)
    if frame_id is None:
        return False
    task = _task(execution, frame_id)
    try:
        if fetching.is_answered_by(frame_id, event.id):
            fetching.answered(execution, frame_id, event)
            return True
        if event.id == f"{frame_id}{TIMEOUT}":
            is_fetching = "fetching" in execution.frame(frame_id)
            if not is_fetching and hasattr(task.body, "timed_out") and task.body.timed_out(execution, frame_id):
                return True
            raise fault("timeout", f"the task {task.name!r} took too long")
        cast("Waiting", task.body).answered(execution, frame_id, event)
    except TaskFault as error:
        execution.fail(frame_id, error.error)
    return True


def deliver(execution: Execution, signal: Signal) -> None:
    """Offer a signal to every task that listens; what nobody takes is kept for those that will."""
    taken = False
    for frame_id in [name for name, frame in execution.frames.items() if frame.get("listens")]:
        if not execution.is_listening(frame_id):
            continue  # an earlier taker has ended it
        try:
            taken = review.offer(execution, frame_id, signal) or taken
        except TaskFault as error:
            taken = True
            execution.fail(frame_id, error.error)
    if not taken:
        execution.keep(signal)


def cancel(execution: Execution, reason: str) -> None:
    """End the run as cancelled; no task can catch that."""
    execution.drop(ROOT, cancelled=True)
    execution.status.run_cancelled(reason)
    _end(execution)
    failure = Failure(type=f"{BASE}cancelled", title="Cancelled", status=499, detail=reason)
    execution.commands.append(Fail(failure, cancelled=True))


def _task(execution: Execution, frame_id: str) -> Task:
    return execution.document.tasks[execution.frame(frame_id)["task"]]


def _enter(execution: Execution, frame_id: str) -> None:
    frame, task = execution.change(frame_id), _task(execution, frame_id)
    if frame_id != ROOT and task.kind != ITERATION and review.begin(execution, frame_id, ["enter", frame_id]):
        return
    raw = frame["input"]
    if task.condition is not None and not truthy(execution.evaluate(task.condition, frame_id)):
        execution.drop(frame_id, cancelled=False)
        execution.status.skipped(frame)
        _leave(execution, frame["parent"], Child(frame["index"], raw, task.then))
        return
    frame["started"] = execution.timestamp
    if frame_id != ROOT:
        execution.status.started(frame)
    if fetching.begin(execution, frame_id, (task.input_schema,), ["begin", frame_id]):
        _arm(execution, frame_id)
    else:
        _begin(execution, frame_id)


def _begin(execution: Execution, frame_id: str) -> None:
    frame, task = execution.change(frame_id), _task(execution, frame_id)
    raw = frame["input"]
    fetching.validate(execution, frame_id, task.input_schema, raw)
    if task.input_from is not None:
        frame["raw"], frame["input"] = raw, execution.evaluate(task.input_from, frame_id)
    _arm(execution, frame_id)
    if not fetching.begin(execution, frame_id, getattr(task.body, "schemas", ()), ["begin_body", frame_id]):
        _begin_body(execution, frame_id)


def _begin_body(execution: Execution, frame_id: str) -> None:
    if not extending.begin(execution, frame_id):
        _task(execution, frame_id).body.begin(execution, frame_id)


def _resume(execution: Execution, frame_id: str, value: Json) -> None:
    """Let a task go on that has waited for a review."""
    cast("Resumable", _task(execution, frame_id).body).resumed(execution, frame_id, value)


def _arm(execution: Execution, frame_id: str) -> None:
    """Start the timer of a task that may take so long, unless it runs already."""
    task, timer_id = _task(execution, frame_id), f"{frame_id}{TIMEOUT}"
    if task.timeout is not None and timer_id not in execution.waits:
        execution.wake(frame_id, timer_id, parse_duration(execution.evaluate(task.timeout, frame_id)))


def _complete(execution: Execution, frame_id: str, raw: Json, then: Directive | None) -> None:
    task = _task(execution, frame_id)
    schemas = (task.output_schema, task.export_schema)
    if fetching.begin(execution, frame_id, schemas, ["complete", frame_id, raw, then]):
        return
    output = raw
    if task.output_as is not None:
        output = execution.evaluate(task.output_as, frame_id, raw)
    fetching.validate(execution, frame_id, task.output_schema, output)
    if task.export_as is not None:
        execution.state["context"] = execution.evaluate(task.export_as, frame_id, output, output=output)
    fetching.validate(execution, frame_id, task.export_schema, execution.state["context"])
    if not extending.finish(execution, frame_id, output, then):
        _finish(execution, frame_id, output, then)


def _finish(execution: Execution, frame_id: str, output: Json, then: Directive | None) -> None:
    frame, task = execution.frame(frame_id), _task(execution, frame_id)
    execution.drop(frame_id, cancelled=False)
    if frame_id == ROOT:
        _succeed(execution, output)
        return
    execution.status.completed(frame, output)
    compensation.completed(execution, frame, output)
    _leave(execution, frame["parent"], Child(frame["index"], output, task.then if then is None else then))


def _leave(execution: Execution, parent: str, child: Child) -> None:
    """Go on after a child: in its parent, or at the end of the workflow."""
    if child.then == "end":
        execution.drop_children(ROOT)
        execution.complete(ROOT, child.output)
        return
    body = cast("Composite", _task(execution, parent).body)
    try:
        if child.index == extending.INDEX:
            extending.ended(execution, parent, child)
        else:
            body.child_ended(execution, parent, child)
    except TaskFault as error:  # the parent's fault, not the child's
        error.error.setdefault("instance", _task(execution, parent).pointer)
        execution.fail(parent, error.error)


def _fault(execution: Execution, frame_id: str, error: dict[str, Json]) -> None:
    frame, task = execution.frame(frame_id), _task(execution, frame_id)
    error = error if "instance" in error else {**error, "instance": task.pointer}
    if execution.origin is None:
        ended = [entry for entry in execution.ready if entry[0] in ("complete", "finish")]
        execution.origin = {"frames": {name: dict(known) for name, known in execution.frames.items()}, "ready": ended}
    execution.drop(frame_id, cancelled=False)
    parent = frame["parent"]
    if parent is None:
        execution.status.run_failed(error)
        execution.state["recovery"] = execution.origin
        _end(execution)
        execution.commands.append(Fail(failure_of(error)))
        return
    execution.status.failed(frame, error)
    body = _task(execution, parent).body
    if hasattr(body, "catch") and frame["index"] != extending.INDEX:
        try:
            if cast("Guard", body).catch(execution, parent, error):
                execution.origin = None
                return
        except TaskFault as other:
            error = other.error
    execution.fail(parent, error)


def _succeed(execution: Execution, output: Json) -> None:
    output = hidden(output)
    execution.status.run_completed(output)
    _end(execution)
    execution.commands.append(Complete(output))


def _end(execution: Execution) -> None:
    """Leave a state in which nothing can happen any more."""
    execution.state["ended"] = True
    execution.ready.clear()
    execution.frames.clear()
    execution.waits.clear()


_ACTIONS: dict[str, Callable[..., None]] = {
    "enter": _enter,
    "begin": _begin,
    "begin_body": _begin_body,
    "resume": _resume,
    "complete": _complete,
    "finish": _finish,
    "fault": _fault,
}
