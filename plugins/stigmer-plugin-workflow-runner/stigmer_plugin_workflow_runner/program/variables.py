"""The variables that the runtime gives to expressions.

Source: DSL, "Runtime Expression Arguments", and the descriptors it names.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.secrets import marks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.execution import Execution

RUNTIME = {"name": "stigmer", "version": "0.1.0", "metadata": {}}


def _moment(text: str) -> dict[str, Any]:
    moment = datetime.fromisoformat(text)
    milliseconds = round(moment.timestamp() * 1000)
    return {"iso8601": text, "epoch": {"seconds": milliseconds // 1000, "milliseconds": milliseconds}}


def _workflow(execution: Execution, _frame_id: str) -> Json:
    state = execution.state
    return {
        "id": state["id"],
        "definition": execution.document.definition,
        "input": state["input"],
        "startedAt": _moment(state["started"]),
    }


def _task(execution: Execution, frame_id: str) -> Json:
    frame = execution.frame(frame_id)
    task = execution.document.tasks[frame["task"]]
    return {
        "name": task.name,
        "reference": task.pointer,
        "definition": task.definition,
        "input": frame["input"],
        "startedAt": _moment(frame["started"]),
    }


def _secrets(execution: Execution, _frame_id: str) -> Json:
    return marks(execution.state["secrets"])


VARIABLES: Mapping[str, Callable[[Execution, str], Json]] = {
    "context": lambda execution, _: execution.state["context"],
    "input": lambda execution, frame_id: execution.input(frame_id),
    "secrets": _secrets,
    "runtime": lambda _execution, _frame_id: RUNTIME,
    "workflow": _workflow,
    "task": _task,
}
