"""Tasks and lists of tasks, whatever their kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from ai.stigmer.agentic.workflow.v1.enum_pb2 import WorkflowTaskKind

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.resources.codec import to_dict
from stigmer_plugin_workflow.translation.refusal import refuse
from stigmer_plugin_workflow.translation.values import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json

COMPENSATE = "stigmer.ai/compensate"  # in a task's metadata: the tasks that undo it; of a `try` true, to undo first


@dataclass(frozen=True, slots=True)
class Place:
    """Where a configuration stands, in whose workflow."""

    pointer: str
    org: str

    def at(self, *tokens: str | int) -> Place:
        """Return the place of something inside."""
        return Place("/".join([self.pointer, *map(str, tokens)]), self.org)

    def refuse(self, option: str, message: str, hint: str = "") -> NoReturn:
        """Refuse an option of the configuration."""
        refuse(f"{self.pointer}/{option}" if option else self.pointer, message, hint)


def top_level(task: Any, place: Place) -> Json:
    """Return a task of a workflow's own list."""
    known = task.kind in WorkflowTaskKind.values()
    body = {"name": task.name, "kind": WorkflowTaskKind.Name(task.kind) if known else str(task.kind)}
    body["task_config"] = stored_config(task, place)
    try:
        body |= {"compensate": [to_dict(undo) for undo in task.compensate]} if task.compensate else {}
    except InvalidArgumentError as error:
        place.refuse("compensate", error.message)
    if getattr(task.export, "as"):
        body["export"] = {"as": getattr(task.export, "as")}
    if task.flow.then:
        body["flow"] = {"then": task.flow.then}
    return _task(body, place)


def stored_config(task: Any, place: Place) -> Json:
    """Return a task's configuration as it was written."""
    try:
        return plain(to_dict(task.task_config))
    except InvalidArgumentError as error:
        place.refuse("task_config", error.message)


def task_list(tasks: Any, place: Place) -> list[Json]:
    """Return a list of tasks inside a configuration."""
    return [_task(task, place.at(index)) for index, task in enumerate(tasks)]


def _task(task: Mapping[str, Any], place: Place) -> Json:
    """Return one task of a list, which is a map of its name to its body."""
    from stigmer_plugin_workflow.translation.kinds import KINDS  # noqa: PLC0415 - which know this module
    from stigmer_plugin_workflow.translation.messages import checked  # noqa: PLC0415 - takes 30 ms

    kind = str(task.get("kind", ""))
    translate = KINDS.get(kind)
    if translate is None:
        place.refuse("kind", f"there is no task kind {kind!r}", f"one of {', '.join(KINDS)}")
    key = "taskConfig" if "taskConfig" in task else "task_config"
    where = place.at(key)
    body: dict[str, Json] = translate(checked(kind, task.get(key) or {}, where.pointer), where)
    export, flow = task.get("export") or {}, task.get("flow") or {}
    if export.get("as"):
        body["export"] = {"as": export["as"]}
    if flow.get("then"):
        body["then"] = flow["then"]
    if task.get("compensate"):
        undo = task_list(task["compensate"], place.at("compensate"))
        body["metadata"] = {**body.get("metadata", {}), COMPENSATE: undo}
    return {str(task["name"]): body}
