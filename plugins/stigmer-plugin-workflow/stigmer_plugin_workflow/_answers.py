"""Answers of people to tasks: what a task's metadata says of them is what they must be like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.errors import InvalidArgumentError, PermissionDeniedError, Problem
from stigmer_core.resources.codec import to_dict
from stigmer_core.server import current_caller

if TYPE_CHECKING:
    from stigmer_core.program import Json


def require_fitting(task: Any, request: Any) -> None:
    """Refuse an answer that the task does not offer, by somebody who is not asked, or with a wrong form.

    Raises:
        InvalidArgumentError: there is no such outcome, or the form does not fit its schema.
        PermissionDeniedError: the task names who may answer, and the caller is not among them.
    """
    asked = to_dict(task.metadata)
    outcomes, approvers = asked.get("outcomes"), asked.get("approvers")
    if outcomes and request.outcome not in outcomes:
        text = f"task {task.task_name!r} has no outcome {request.outcome!r}: one of {', '.join(outcomes)}"
        raise InvalidArgumentError(text, problems=[Problem("/outcome", text)])
    if approvers and current_caller().name not in approvers:
        raise PermissionDeniedError(f"task {task.task_name!r} is not for {current_caller().name} to decide about")
    if asked.get("formSchema"):
        _require_form(asked["formSchema"], to_dict(request.form_data))


def position_of(task: Any) -> str:
    """Return which visit of a task waits: an answer to an earlier one is none to this one."""
    return str(to_dict(task.metadata).get("position", ""))


def _require_form(schema: Json, form: Json) -> None:
    import jsonschema_rs  # noqa: PLC0415 - only where there is a form

    linear = jsonschema_rs.RegexOptions()
    try:
        validator = jsonschema_rs.validator_for(schema, retriever=_refuse, pattern_options=linear)
    except (jsonschema_rs.ValidationError, ValueError):  # reported by a runner elsewhere: it is its own affair
        return
    found = [
        Problem("".join(f"/{token}" for token in ("form_data", *error.instance_path)), error.message)
        for error in validator.iter_errors(form)
    ]
    if found:
        raise InvalidArgumentError("; ".join(map(str, found)), problems=found)


def _refuse(uri: str) -> Json:
    raise ValueError(f"{uri} is not fetched")
