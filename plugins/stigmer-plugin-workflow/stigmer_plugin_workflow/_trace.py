"""A run for people: its events as lines, its tasks as a tree with durations."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, event_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution

_MARKS = {
    enum_pb2.WORKFLOW_TASK_COMPLETED: "ok",
    enum_pb2.WORKFLOW_TASK_FAILED: "failed",
    enum_pb2.WORKFLOW_TASK_SKIPPED: "skipped",
    enum_pb2.WORKFLOW_TASK_IN_PROGRESS: "running",
    enum_pb2.WORKFLOW_TASK_WAITING_APPROVAL: "waiting",
}
_SECOND_MS = 1000
_TIME_WIDTH = len("2026-01-31T12:00:00.000000Z")


def event_line(event: Any, *, time: bool = True) -> str:
    """Return an event on one line: when, what, which task, and its payload's telling part."""
    what = event_pb2.WorkflowEventType.Name(event.event_type).replace("_", " ")
    when = f"{event.sequence_number:>4}  {event.occurred_at:<{_TIME_WIDTH}}" if time else ""
    parts = [when, f"{what:<20}", event.task_name, _detail(event)]
    return "  ".join(part for part in parts if part).rstrip()


def _detail(event: Any) -> str:
    """Return what went wrong, or what a person is asked and may answer."""
    payload = event.WhichOneof("payload")
    if payload == "approval_requested":
        asked = event.approval_requested
        outcomes = ", ".join(outcome.name for outcome in asked.outcomes)
        return f"{asked.prompt}  ({outcomes})" if outcomes else str(asked.prompt)
    return str(getattr(getattr(event, payload), "error", "")) if payload else ""


def trace_lines(execution: WorkflowExecution, *, unicode: bool = True) -> Iterator[str]:
    """Yield the tree of a run's tasks, in the order in which they began."""
    status = execution.status
    phase = enum_pb2.ExecutionPhase.Name(status.phase).removeprefix("EXECUTION_").lower()
    yield f"{execution.metadata.name}  {phase}  {_duration(status.started_at, status.completed_at)}".rstrip()
    tasks = [(_depth(task.task_id), task) for task in status.tasks]
    for index, (depth, task) in enumerate(tasks):
        yield f"{_branches(tasks, index, depth, unicode=unicode)}{_task_line(task)}"


def _task_line(task: Any) -> str:
    parts = [f"{task.task_name}{_iteration(task.task_id)}", _MARKS.get(task.status, "pending")]
    parts += [_duration(task.started_at, task.completed_at), task.error]
    return "  ".join(part for part in parts if part)


def _branches(tasks: list[tuple[int, Any]], index: int, depth: int, *, unicode: bool) -> str:
    bar, tee, end = ("│  ", "├─ ", "└─ ") if unicode else ("|  ", "+- ", "+- ")
    text = ""
    for level in range(1, depth + 1):
        more = _goes_on(tasks, index, level)
        text += (tee if more else end) if level == depth else (bar if more else "   ")
    return text


def _goes_on(tasks: list[tuple[int, Any]], index: int, level: int) -> bool:
    for depth, _ in tasks[index + 1 :]:
        if depth < level:
            return False
        if depth == level:
            return True
    return False


def _depth(task_id: str) -> int:
    """Return how deep a task is nested: the lists of tasks on its way, each an index in the pointer."""
    return max(sum(part.split("#")[0].split("@")[0].isdigit() for part in task_id.split("/")), 1)


def _iteration(task_id: str) -> str:
    found = [part.partition("#")[2].partition("@")[0] for part in task_id.split("/") if "#" in part]
    return f" #{found[-1]}" if found else ""


def _duration(started: str, ended: str) -> str:
    if not started or not ended:
        return ""
    milliseconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds() * _SECOND_MS
    return f"{milliseconds:.0f} ms" if milliseconds < _SECOND_MS else f"{milliseconds / _SECOND_MS:.1f} s"
