"""Kinds that say what runs when: branches, loops, handlers, waits."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow.translation.tasks import COMPENSATE, task_list
from stigmer_plugin_workflow.translation.values import evaluated, inner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow.translation.tasks import Place

_ERRORS = "https://serverlessworkflow.io/spec/1.0.0/errors/"
FOR_EACH = "stigmer.ai/for-each"  # in the metadata of a `for`: its iterations know nothing of each other
_FOR_EACH = {"max_parallelism": "maxParallelism", "batch_size": "batchSize"}
_ON_ERROR = {"FOR_EACH_FAIL_FAST": "fail", "FOR_EACH_CONTINUE": "continue", "FOR_EACH_SKIP": "skip"}


def switch_case(config: Mapping[str, Any], _: Place) -> dict[str, Json]:
    """Return a `switch`."""
    cases = []
    for case in config["cases"]:
        guard = {"when": case["when"]} if case.get("when") else {}
        cases.append({case["name"]: {**guard, "then": case["then"]}})
    return {"switch": cases}


def for_each(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return a `for`; the DSL's goes one item after the other, so how else it goes stands in the metadata."""
    policy = config.get("on_error", "FOR_EACH_FAIL_FAST")
    if policy not in _ON_ERROR:
        place.refuse("on_error", f"there is no policy {policy!r}", f"one of {', '.join(_ON_ERROR)}")
    options = {name: config[field] for field, name in _FOR_EACH.items() if config.get(field)}
    if _ON_ERROR[policy] != "fail":
        options["onError"] = _ON_ERROR[policy]
    body = {"for": {"each": config["each"], "in": config["in"]}, "do": task_list(config["do"], place.at("do"))}
    return body | ({"metadata": {FOR_EACH: options}} if options else {})


def fork(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return a `fork`."""
    branches = [
        {branch["name"]: {"do": task_list(branch["do"], place.at("branches", index, "do"))}}
        for index, branch in enumerate(config["branches"])
    ]
    return {"fork": {"branches": branches, "compete": bool(config.get("compete"))}}


def try_catch(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return a `try`; the DSL has no word for compensation, so it stands in the metadata."""
    catch = config.get("catch") or {}
    handler: dict[str, Json] = {"as": catch["as"]} if catch.get("as") else {}
    if catch.get("do"):
        handler["do"] = task_list(catch["do"], place.at("catch", "do"))
    body: dict[str, Json] = {"try": task_list(config["try"], place.at("try")), "catch": handler}
    return body | ({"metadata": {COMPENSATE: True}} if catch.get("compensate") else {})


def wait(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return a `wait`; a moment is the time from the task's start, which is in the run's own record."""
    if "until" in config:
        due = round(datetime.fromisoformat(config["until"]).timestamp() * 1000)
        left = f"[0, {due} - $task.startedAt.epoch.milliseconds] | max"
        return {"wait": f"${{ {{milliseconds: ({left})}} }}"}
    if "duration" not in config:
        place.refuse("duration", "a wait has a duration, or a moment until which it waits")
    return {"wait": config["duration"]}


def raise_error(config: Mapping[str, Any], _: Place) -> dict[str, Json]:
    """Return a `raise`."""
    title, runtime = evaluated(config["error"]), f"{_ERRORS}runtime"
    error: dict[str, Json] = {"type": title if "://" in title else runtime, "title": title, "status": 500}
    if "${" in title:
        error["type"] = f'${{ ({inner(title)}) | if contains("://") then . else "{runtime}" end }}'
    return {"raise": {"error": error | ({"detail": evaluated(config["message"])} if config.get("message") else {})}}
