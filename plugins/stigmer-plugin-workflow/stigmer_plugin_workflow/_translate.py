"""From the API's task list to a plain CNCF DSL document: one small function per task kind, nothing dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflow.v1.enum_pb2 import WorkflowTaskKind

from stigmer_core.errors import InvalidArgumentError, Problem
from stigmer_core.resources.codec import to_dict
from stigmer_core.resources.json_text import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stigmer_core.program import Json

DOCUMENT_ANNOTATION = "stigmer.ai/workflow-document"
DSL_VERSION = "1.0.3"
_ERRORS = "https://serverlessworkflow.io/spec/1.0.0/errors/"


class UntranslatableError(Exception):
    """A task that has no counterpart in the DSL of this version; `problem` says where and what."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def dsl_document(workflow: Any) -> dict[str, Json]:
    """Return the DSL document of a Workflow resource.

    Raises:
        UntranslatableError: a task's kind or configuration is none that can run.
    """
    spec = workflow.spec
    kept = workflow.metadata.annotations.get(DOCUMENT_ANNOTATION)
    if kept:
        return {**_header(kept), "do": [_config(task, index) for index, task in enumerate(spec.tasks)]}
    header = {
        "dsl": DSL_VERSION,
        "namespace": spec.document.namespace,
        "name": spec.document.name,
        "version": spec.document.version,
    }
    if spec.document.description:
        header["summary"] = spec.document.description
    return {"document": header, "do": [_top_level(task, index) for index, task in enumerate(spec.tasks)]}


def _header(text: str) -> dict[str, Json]:
    """Return what a DSL document has beside its tasks; a client may have written over the annotation."""
    where = f"/metadata/annotations/{DOCUMENT_ANNOTATION.replace('/', '~1')}"
    try:
        header = read_json(text, "annotation")
    except InvalidArgumentError as error:
        raise UntranslatableError(Problem(where, error.message)) from error
    if not isinstance(header, dict):
        raise UntranslatableError(Problem(where, "is not a DSL document without its tasks"))
    return header


def plain(value: Json) -> Json:
    """Return JSON with whole floats as integers and sorted keys: a protobuf Struct has doubles and no order."""
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _config(task: Any, index: int) -> Json:
    try:
        return plain(to_dict(task.task_config))
    except InvalidArgumentError as error:
        raise UntranslatableError(Problem(f"/spec/tasks/{index}/task_config", error.message)) from error


def _top_level(task: Any, index: int) -> Json:
    known = task.kind in WorkflowTaskKind.values()
    body = {"name": task.name, "kind": WorkflowTaskKind.Name(task.kind) if known else str(task.kind)}
    body["task_config"] = _config(task, index)
    if getattr(task.export, "as"):
        body["export"] = {"as": getattr(task.export, "as")}
    if task.flow.then:
        body["flow"] = {"then": task.flow.then}
    if task.compensate:
        body["compensate"] = True
    return _task(body, f"/spec/tasks/{index}")


def _task(task: Mapping[str, Any], pointer: str) -> Json:
    """Return one task of a list, which is a map of its name to its body."""
    kind = str(task.get("kind", ""))
    translate = _KINDS.get(kind)
    if translate is None:
        supported = ", ".join(_KINDS)
        hint = f"supported kinds: {supported}"
        raise UntranslatableError(
            Problem(f"{pointer}/kind", f"task kind {kind!r} is not supported by this version", hint)
        )
    if task.get("compensate"):
        message = "compensation is not supported by this version of the runner"
        raise UntranslatableError(Problem(f"{pointer}/compensate", message))
    config = task.get("task_config", task.get("taskConfig")) or {}
    try:
        body: dict[str, Json] = translate(config, f"{pointer}/task_config")
    except KeyError as missing:
        at = f"{pointer}/task_config/{missing.args[0]}"
        raise UntranslatableError(Problem(at, f"is required by task kind {kind}")) from missing
    except (TypeError, AttributeError) as wrong:  # text where an object belongs, and the like
        at = f"{pointer}/task_config"
        raise UntranslatableError(Problem(at, f"does not have the shape that task kind {kind} asks for")) from wrong
    export, flow = task.get("export") or {}, task.get("flow") or {}
    if export.get("as"):
        body["export"] = {"as": export["as"]}
    if flow.get("then"):
        body["then"] = flow["then"]
    return {str(task["name"]): body}


def _tasks(tasks: Any, pointer: str) -> Json:
    return [_task(task, f"{pointer}/{index}") for index, task in enumerate(tasks)]


def _set(config: Mapping[str, Any], _: str) -> dict[str, Json]:
    return {"set": config["variables"]}


def _http(config: Mapping[str, Any], _: str) -> dict[str, Json]:
    call: dict[str, Json] = {"method": str(config["method"]).lower(), "endpoint": {"uri": config["endpoint"]["uri"]}}
    call |= {key: config[key] for key in ("headers", "body") if config.get(key)}
    body: dict[str, Json] = {"call": "http", "with": call}
    seconds = config.get("timeout_seconds", config.get("timeoutSeconds"))
    return body | ({"timeout": {"after": {"seconds": seconds}}} if seconds else {})


def _switch(config: Mapping[str, Any], _: str) -> dict[str, Json]:
    cases = []
    for case in config["cases"]:
        guard = {"when": case["when"]} if case.get("when") else {}
        cases.append({case["name"]: {**guard, "then": case["then"]}})
    return {"switch": cases}


def _for(config: Mapping[str, Any], pointer: str) -> dict[str, Json]:
    for option in ("max_parallelism", "maxParallelism", "batch_size", "batchSize", "on_error", "onError"):
        if config.get(option):
            raise UntranslatableError(Problem(f"{pointer}/{option}", "is not supported by this version of the runner"))
    return {"for": {"each": config["each"], "in": config["in"]}, "do": _tasks(config["do"], f"{pointer}/do")}


def _fork(config: Mapping[str, Any], pointer: str) -> dict[str, Json]:
    branches = [
        {branch["name"]: {"do": _tasks(branch["do"], f"{pointer}/branches/{index}/do")}}
        for index, branch in enumerate(config["branches"])
    ]
    return {"fork": {"branches": branches, "compete": bool(config.get("compete"))}}


def _try(config: Mapping[str, Any], pointer: str) -> dict[str, Json]:
    catch = config.get("catch") or {}
    if catch.get("compensate"):
        raise UntranslatableError(
            Problem(f"{pointer}/catch/compensate", "is not supported by this version of the runner")
        )
    handler: dict[str, Json] = {"as": catch["as"]} if catch.get("as") else {}
    if catch.get("do"):
        handler["do"] = _tasks(catch["do"], f"{pointer}/catch/do")
    return {"try": _tasks(config["try"], f"{pointer}/try"), "catch": handler}


def _wait(config: Mapping[str, Any], pointer: str) -> dict[str, Json]:
    if "until" in config:
        raise UntranslatableError(Problem(f"{pointer}/until", "is not supported by this version of the runner"))
    return {"wait": config["duration"]}


def _raise(config: Mapping[str, Any], _: str) -> dict[str, Json]:
    error = str(config["error"])
    known = error if "://" in error else f"{_ERRORS}runtime"
    raised: dict[str, Json] = {"type": known, "title": error, "status": 500}
    return {"raise": {"error": raised | ({"detail": config["message"]} if config.get("message") else {})}}


def _transform(config: Mapping[str, Any], pointer: str) -> dict[str, Json]:
    if config.get("engine") != "TRANSFORM_ENGINE_JQ":
        raise UntranslatableError(Problem(f"{pointer}/engine", "only TRANSFORM_ENGINE_JQ is supported by this version"))
    body: dict[str, Json] = {"set": _expression(config["expression"])}
    return body | ({"input": {"from": config["input"]}} if config.get("input") else {})


def _expression(text: str) -> str:
    return text if text.strip().startswith("${") else f"${{ {text} }}"


_KINDS: dict[str, Callable[[Mapping[str, Any], str], dict[str, Json]]] = {
    "set_vars": _set,
    "http_call": _http,
    "switch_case": _switch,
    "for_each": _for,
    "fork": _fork,
    "try_catch": _try,
    "wait": _wait,
    "raise_error": _raise,
    "transform": _transform,
}
