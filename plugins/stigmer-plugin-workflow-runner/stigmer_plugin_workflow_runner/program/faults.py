"""Errors as the DSL has them.

Source: DSL reference, "Error" and "Standard Error Types".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.program import Failure

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler

BASE = "https://serverlessworkflow.io/spec/1.0.0/errors/"
_ALIASES = (
    "https://open-workflow-specification.org/spec/1.0.0/errors/",
    "https://serverlessworkflow.io/dsl/errors/types/",
    "https://open-workflow-specification.org/dsl/errors/types/",  # as the conformance kit writes it
)
_STANDARD = {
    "configuration": (400, "Configuration Error"),
    "validation": (400, "Validation Error"),
    "expression": (400, "Expression Error"),
    "authentication": (401, "Authentication Error"),
    "authorization": (403, "Authorization Error"),
    "timeout": (408, "Timeout Error"),
    "communication": (500, "Communication Error"),
    "runtime": (500, "Runtime Error"),
}
_FIELDS = ("type", "status", "title", "detail", "instance")


class TaskFault(Exception):  # noqa: N818 - the DSL's word: a task faults with an error
    """A task faults; `error` is the DSL's error object."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("detail") or error.get("title") or error["type"])
        self.error = error


def fault(kind: str, detail: str, *, status: int | None = None) -> TaskFault:
    """Return a fault of one of the standard types."""
    usual, title = _STANDARD[kind]
    return TaskFault({"type": BASE + kind, "status": status or usual, "title": title, "detail": detail})


def normalised(type_uri: str) -> str:
    """Return an error type in the standard form, whichever of its bases was written."""
    for alias in _ALIASES:
        if type_uri.startswith(alias):
            name = type_uri.removeprefix(alias)
            return BASE + name if name in _STANDARD else type_uri
    return type_uri


def error_of(failure: Failure) -> dict[str, Any]:
    """Return what an activity failed with as the DSL's error; `instance` is the task's affair."""
    error = {"type": failure.type, "status": failure.status, "title": failure.title}
    return {**error, "detail": failure.detail} if failure.detail else error


def failure_of(error: dict[str, Json]) -> Failure:
    """Return the DSL's error as what a run fails with."""
    return Failure(
        type=str(error.get("type", BASE + "runtime")),
        title=str(error.get("title", "")),
        status=int(error.get("status", 500)),
        detail=str(error.get("detail", "")),
        instance=str(error.get("instance", "")),
    )


def is_caught(error: dict[str, Json], wanted: dict[str, Json]) -> bool:
    """Return whether an error has every field that a filter names."""
    for name in _FIELDS:
        if name not in wanted:
            continue
        have, want = error.get(name), wanted[name]
        if name == "type":
            have, want = normalised(str(have)), normalised(str(want))
        if have != want:
            return False
    return True


def check_error(compiler: Compiler, error: Json, pointer: str) -> dict[str, Json]:
    """Return an error's definition, empty when it is none, noting what is wrong with it."""
    if not isinstance(error, dict):
        compiler.problem(pointer, "expected an error, or the name of one in 'use.errors'", "{type: …, status: 400}")
        return {}
    compiler.keys(error, _FIELDS, pointer)
    for key in ("type", "status"):
        if key not in error:
            compiler.problem(pointer, f"an error has {key!r}", "such as {type: …, status: 400}")
    status = error.get("status", 400)
    if isinstance(status, bool) or not isinstance(status, (int, str)):
        compiler.problem(f"{pointer}/status", "a status is a whole number", "such as 400")
    for key in _FIELDS:
        if key != "status" and not isinstance(error.get(key, ""), str):
            compiler.problem(f"{pointer}/{key}", f"{key!r} is a text")
    return error
