"""What a run reports, summed up: of steps that follow each other quickly most is overtaken by the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stigmer_core.program import Json

_PARTS = {"status", "events"}
_GOING_ON = "EXECUTION_IN_PROGRESS"


def summed_up(reports: Iterable[dict[str, Json]]) -> list[dict[str, Json]]:
    """Return fewer `updateStatus` inputs, as proto3 JSON, that say the same when they are merged one after the other.

    Each that is merged is made a message, merged and logged on its own: of twenty steps that is half of what they cost.
    """
    groups: list[list[dict[str, Json]]] = []
    for report in reports:
        if groups and _goes_on(groups[-1][-1]) and _only_adds(report):
            groups[-1].append(report)
        else:
            groups.append([report])
    return [_sum(group) if len(group) > 1 else group[0] for group in groups]


def _goes_on(report: dict[str, Json]) -> bool:
    """Return whether the run goes on after a report: nothing in a later one is late, then."""
    return _is_usual(report) and report["status"].get("phase") == _GOING_ON


def _only_adds(report: dict[str, Json]) -> bool:
    """Return whether all that a report says is set as it says: what is empty would leave what there is."""
    return _is_usual(report) and all(report["status"].values())


def _is_usual(report: dict[str, Json]) -> bool:
    return report.keys() == _PARTS and all("taskId" in task for task in report["status"].get("tasks", ()))


def _sum(group: list[dict[str, Json]]) -> dict[str, Json]:
    status: dict[str, Json] = {}
    tasks: dict[str, dict[str, Json]] = {}
    for report in group:
        status |= report["status"]
        for task in report["status"].get("tasks", ()):
            started = tasks.get(task["taskId"], {}).get("startedAt", "")
            tasks[task["taskId"]] = task if task.get("startedAt") else {**task, "startedAt": started}
    return {"status": {**status, "tasks": list(tasks.values())}, "events": [e for one in group for e in one["events"]]}
