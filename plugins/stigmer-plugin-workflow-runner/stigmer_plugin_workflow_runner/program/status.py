"""What a step shows of the run: the proto3 JSON of the API's WorkflowExecutionUpdateStatusInput.

A task is known by its pointer, so the list of tasks is as long as the document, however often a loop goes round; the
events are in the order things happened.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stigmer_core.program import Publish
from stigmer_plugin_workflow_runner.program.document import ITERATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.document import Document, Task

MOST_EVENTS = 10_000  # of tasks in one run; a longer loop goes on without them
LARGEST = 2_000  # characters and items of a task's output that is shown
_WAITS = {"timeoutAt": "until", "escalated": "escalated", "untold": "untold"}  # of a question: metadata, and frame
_MOST_SECONDS = 2**31 - 1  # the API's int32
WRAPPER = "$value"  # the API's output is an object: any other output is shown under this key

_TYPES = {
    "call": "WORKFLOW_TASK_API_CALL",
    "switch": "WORKFLOW_TASK_CONDITIONAL",
    "fork": "WORKFLOW_TASK_PARALLEL",
    "set": "WORKFLOW_TASK_TRANSFORM",
}
_CALLS = {  # the type and the kind of a `call`; of one that is not here, those of an activity
    "a2a": ("WORKFLOW_TASK_AGENT_INVOCATION", "http_call"),
    "http": ("WORKFLOW_TASK_API_CALL", "http_call"),
    "grpc": ("WORKFLOW_TASK_API_CALL", "grpc_call"),
    "mcp": ("WORKFLOW_TASK_API_CALL", "activity_call"),
    "stigmer:agent": ("WORKFLOW_TASK_AGENT_INVOCATION", "agent_call"),
    "stigmer:human": ("WORKFLOW_TASK_APPROVAL", "human_input"),
    "stigmer:jsonata": ("WORKFLOW_TASK_TRANSFORM", "transform"),
    "stigmer:llm": ("WORKFLOW_TASK_AGENT_INVOCATION", "llm_call"),
    "stigmer:notify": ("WORKFLOW_TASK_API_CALL", "notification"),
    "stigmer:validate": ("WORKFLOW_TASK_CONDITIONAL", "validate"),
    "stigmer:workflow": ("WORKFLOW_TASK_CUSTOM", "run_workflow"),
}
_KINDS = {
    "call": "activity_call",
    "emit": "emit_event",
    "for": "for_each",
    "fork": "fork",
    "listen": "listen",
    "raise": "raise_error",
    "run": "run_workflow",
    "set": "set_vars",
    "switch": "switch_case",
    "try": "try_catch",
    "wait": "wait",
}


def timestamp(moment: datetime) -> str:
    """Return a moment as RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Status:
    """What has changed in this step."""

    def __init__(self, document: Document, state: dict[str, Any], now: str) -> None:
        self._document = document
        self._state = state
        self._now = now
        self._tasks: dict[str, dict[str, Json]] = {}
        self._events: list[dict[str, Json]] = []
        self._fields: dict[str, Json] = {}

    # The run

    def run_started(self) -> None:
        """Show that the run has begun."""
        self._fields = {"startedAt": self._now}
        total = sum(task.kind != ITERATION for task in self._document.tasks.values()) - 1
        self._event("execution_started", "", "executionStarted", {"totalTasks": total})

    def run_completed(self, output: Json) -> None:
        """Show that the run has ended with an output."""
        shown = output if isinstance(output, dict) else {WRAPPER: output}
        self._fields |= {"phase": "EXECUTION_COMPLETED", "completedAt": self._now, "output": shown}
        self._event("execution_completed", "", "executionCompleted", self._duration(self._state["started"]))

    def run_failed(self, error: Mapping[str, Json]) -> None:
        """Show that the run has ended with an error."""
        self._fields |= {"phase": "EXECUTION_FAILED", "completedAt": self._now, "error": describe(error)}
        name = str(error.get("instance", "")).rpartition("/")[2]
        failed = {"error": describe(error), "failedTaskName": name, **self._duration(self._state["started"])}
        self._event("execution_failed", "", "executionFailed", failed)

    def run_cancelled(self, reason: str) -> None:
        """Show that the run has ended because somebody asked."""
        self._fields |= {"phase": "EXECUTION_CANCELLED", "completedAt": self._now, "error": reason}
        self._event("execution_cancelled", "", "executionCancelled", {"reason": reason})

    # Tasks

    def started(self, frame: Mapping[str, Json]) -> None:
        """Show that a task has begun."""
        if not self._is_shown(frame):
            return
        task = self._task(frame, "IN_PROGRESS")
        self._task_event("task_started", task, "taskStarted", {})

    def skipped(self, frame: Mapping[str, Json]) -> None:
        """Show that a task was left out, for its `if`."""
        task = self._task(frame, "SKIPPED", completedAt=self._now)
        self._task_event("task_skipped", task, "taskSkipped", {"reason": "its condition does not hold"})

    def completed(self, frame: Mapping[str, Json], output: Json) -> None:
        """Show that a task has completed."""
        if not self._is_shown(frame):
            return
        task = self._task(frame, "COMPLETED", completedAt=self._now)
        if isinstance(output, dict) and _fits(output):
            self._tasks[task.pointer]["output"] = output
        self._task_event("task_completed", task, "taskCompleted", self._duration(frame["started"]))

    def failed(self, frame: Mapping[str, Json], error: Mapping[str, Json]) -> None:
        """Show that a task has faulted."""
        if not self._is_shown(frame):
            return
        task = self._task(frame, "FAILED", completedAt=self._now, error=describe(error))
        failed = {"error": describe(error), **self._duration(frame["started"])}
        self._task_event("task_failed", task, "taskFailed", failed)

    def cancelled(self, frame: Mapping[str, Json]) -> None:
        """Show that a task was stopped; the API has no status of its own for it."""
        if frame["parent"] is None or not self._is_shown(frame):
            return
        before = self._tasks.get(frame["task"], {})
        task = self._task(frame, "SKIPPED", completedAt=self._now, reason="cancelled")
        if before.get("status") == "WORKFLOW_TASK_FAILED":
            self._tasks[task.pointer] = before  # in another iteration: why this one was stopped
        self._task_event("task_skipped", task, "taskSkipped", {"reason": "cancelled"})

    def retrying(self, frame: Mapping[str, Json], error: Mapping[str, Json], delay: Any) -> None:
        """Show that a `try` is about to be tried again."""
        attempt = frame["attempt"] + 1
        task = self._task(frame, "IN_PROGRESS", error=describe(error))
        retrying = {
            "failedAttempt": attempt,
            "nextAttempt": attempt + 1,
            "delayMs": int(delay.total_seconds() * 1000),
        }
        self._task_event("task_retrying", task, "taskRetrying", retrying, with_kind=False)

    def emitted(self, frame: Mapping[str, Json], event: Mapping[str, Json]) -> None:
        """Show that a task has emitted a CloudEvent."""
        task = self._document.tasks[frame["task"]]
        attributes = {"eventType": event["type"], "eventSource": str(event["source"])}
        if isinstance(event.get("subject"), str):
            attributes["eventSubject"] = event["subject"]
        self._task_event("event_emitted", task, "eventEmitted", attributes, with_kind=False)

    # People, agents and money

    def asks(self, frame: Mapping[str, Any], question: Mapping[str, Any]) -> Task:
        """Show a task that waits for a person; what the answer may be is in the task's metadata."""
        task = self._task(frame, "WAITING_APPROVAL")
        shown = self._tasks[task.pointer]
        kept = {name: question[name] for name in ("approvers", "formSchema", "review") if name in question}
        waits = {name: frame[key] for name, key in _WAITS.items() if frame.get(key)}
        outcomes = [outcome["name"] for outcome in question["outcomes"]]
        shown["metadata"] = {**shown["metadata"], "outcomes": outcomes, **kept, **waits}
        if question.get("uiHint"):
            shown["uiHint"] = question["uiHint"]
        return task

    def asked(self, frame: Mapping[str, Any], question: Mapping[str, Any]) -> None:
        """Show that a person is asked now."""
        task = self.asks(frame, question)
        requested = {name: value for name, value in question.items() if name != "review"}
        if frame.get("until"):
            left = datetime.fromisoformat(frame["until"]) - datetime.fromisoformat(self._now)
            requested["timeoutSeconds"] = min(round(left.total_seconds()), _MOST_SECONDS)
        self._task_event("approval_requested", task, "approvalRequested", requested, with_kind=False)

    def still_asks(self, frame: Mapping[str, Any]) -> None:
        """Show the question of a task that waits, which others of the same task have covered, in other iterations."""
        shown = self._tasks.get(frame["task"])
        if shown is not None and shown["status"] != "WORKFLOW_TASK_WAITING_APPROVAL":
            self.asks(frame, frame["question"])

    def decided(self, frame: Mapping[str, Json], outcome: str, *, comment: str = "") -> None:
        """Show that a question is settled without a person."""
        task = self._document.tasks[frame["task"]]
        said = {"outcome": outcome, "comment": comment}
        settled: dict[str, Json] = {name: text for name, text in said.items() if text} | {"autoResolved": True}
        self._task_event("approval_resolved", task, "approvalResolved", settled, with_kind=False)

    def agent_ended(self, frame: Mapping[str, Json], ended: Mapping[str, Any]) -> None:
        """Show that an agent which a task ran has ended."""
        usage = ended["usage"]
        shown = {
            "childExecutionId": ended["execution"],
            "agentPhase": ended["phase"],
            "durationMs": ended["durationMs"],
            "tokensConsumed": usage["inputTokens"] + usage["outputTokens"],
            "costMicros": usage["costMicros"],
            "error": ended["error"],
        }
        task = self._document.tasks[frame["task"]]
        self._task_event("agent_call_completed", task, "agentCallCompleted", shown, with_kind=False)

    def spent(self, spent: Mapping[str, int]) -> None:
        """Show what the run has spent so far."""
        totals = {"totalCostMicros": "cost", "totalInputTokens": "input", "totalOutputTokens": "output"}
        self._fields |= {field: spent[name] for field, name in totals.items()}

    def budget_checked(self, frame: Mapping[str, Json], checkpoint: dict[str, Json]) -> None:
        """Show how much of the budget is left."""
        task = self._document.tasks[frame["task"]]
        self._task_event("budget_checkpoint", task, "budgetCheckpoint", checkpoint, with_kind=False)

    # The result

    def publish(self) -> Publish | None:
        """Return the command that shows it all, None when nothing has changed."""
        if not (self._tasks or self._events or self._fields):
            return None
        status = {"phase": "EXECUTION_IN_PROGRESS", **self._fields}
        if self._tasks:
            status["tasks"] = list(self._tasks.values())
        return Publish({"status": status, "events": self._events})

    def _is_shown(self, frame: Mapping[str, Json]) -> bool:
        return self._document.tasks[frame["task"]].kind != ITERATION

    def _task(self, frame: Mapping[str, Json], status: str, *, reason: str = "", **fields: Json) -> Task:
        task = self._document.tasks[frame["task"]]
        metadata: dict[str, Json] = {"position": frame["id"]}
        if reason:
            metadata["reason"] = reason
        if frame.get("sandbox"):
            metadata["sandbox"] = frame["sandbox"]
        self._tasks[task.pointer] = {
            "taskId": task.pointer,
            "taskName": task.name,
            "taskType": _names(task)[0],
            "status": f"WORKFLOW_TASK_{status}",
            "startedAt": frame["started"],
            "metadata": metadata,
            **frame.get("usage", {}),
            **fields,
        }
        return task

    def _task_event(
        self, event_type: str, task: Task, payload: str, fields: dict[str, Json], *, with_kind: bool = True
    ) -> None:
        self._state["events"] += 1
        if self._state["events"] <= MOST_EVENTS:
            kind = _names(task)[1] if with_kind else ""
            self._event(event_type, task.name, payload, {"taskKind": kind, **fields} if kind else fields)

    def _event(self, event_type: str, task_name: str, payload: str, fields: dict[str, Json]) -> None:
        name = {"taskName": task_name} if task_name else {}
        self._events.append({"eventType": event_type, **name, "occurredAt": self._now, payload: fields})

    def _duration(self, started: str) -> dict[str, Json]:
        if started == self._now:
            return {"durationMs": 0}
        elapsed = datetime.fromisoformat(self._now) - datetime.fromisoformat(started)
        return {"durationMs": round(elapsed.total_seconds() * 1000)}


def _names(task: Task) -> tuple[str, str]:
    """Return a task's type and kind in the API; the kind is empty where the API has none."""
    if task.kind == "call":
        return _CALLS.get(str(task.definition["call"]), (_TYPES["call"], _KINDS["call"]))
    return _TYPES.get(task.kind, "WORKFLOW_TASK_CUSTOM"), _KINDS.get(task.kind, "")


def describe(error: Mapping[str, Json]) -> str:
    """Return an error on one line, for people."""
    name = error.get("title") or str(error.get("type", "")).rpartition("/")[2]
    detail = f": {error['detail']}" if error.get("detail") else ""
    where = f" at {error['instance']}" if error.get("instance") else ""
    return f"{name} ({error.get('status')}){detail}{where}"


def _fits(value: Json) -> bool:
    """Return whether a value is small enough to be shown; it stops counting when it is not."""
    left, rest = LARGEST, [value]
    while rest and left >= 0:
        item = rest.pop()
        left -= 1
        if isinstance(item, str):
            left -= len(item)
        elif isinstance(item, (dict, list)):
            left -= len(item)
            if left >= 0:
                rest.extend((*item, *item.values()) if isinstance(item, dict) else item)
    return left >= 0
