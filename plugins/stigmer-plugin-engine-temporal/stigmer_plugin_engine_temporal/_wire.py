"""Events and commands as JSON, as they are carried from one execution of a workflow to the next."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from stigmer_core import program
from stigmer_core.errors import ResourceExhaustedError
from stigmer_core.program import Failure

if TYPE_CHECKING:
    from stigmer_core.program import Command, Event, Json

LARGEST = 64 * 1024 * 1024  # characters of one value's JSON: what a run is given, what an activity returns, a state
ERRORS = "https://serverlessworkflow.io/spec/1.0.0/errors/"

_CLASSES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        program.CallActivity,
        program.StartTimer,
        program.StartChild,
        program.ActivityDone,
        program.ActivityFailed,
        program.TimerFired,
        program.ChildDone,
        program.Signal,
        program.CancelRequested,
        program.RecoverRequested,
    )
}


@dataclass(frozen=True, slots=True)
class Written:
    """A value whose JSON text is known; `apart` is whether it should leave its history, though it is not large."""

    text: str
    apart: bool = False


def encode(value: Event | Command) -> dict[str, Json]:
    """Return an event or command as JSON; the moment of an event is left out, for it is delivered at another."""
    encoded = {field.name: _plain(getattr(value, field.name)) for field in fields(value) if field.name != "now"}
    return {"type": type(value).__name__, **encoded}


def decode(encoded: dict[str, Json], *, now: datetime | None = None) -> Any:
    """Return the command that `encode` made this of, or the event, which happens now."""
    values: dict[str, Any] = {name: value for name, value in encoded.items() if name != "type"}
    if now is not None:
        values["now"] = now
    if "due" in values:
        values["due"] = datetime.fromisoformat(values["due"])
    if values.get("failure") is not None:
        values["failure"] = Failure(**values["failure"])
    if values.get("timeout") is not None:
        values["timeout"] = timedelta(seconds=values["timeout"])
    return cast("Any", _CLASSES[encoded["type"]])(**values)


def failure_json(failure: Failure) -> dict[str, Json]:
    """Return a failure as JSON."""
    return {field.name: getattr(failure, field.name) for field in fields(failure)}


def standard_failure(kind: str, status: int, detail: str) -> Failure:
    """Return a failure of one of the standard kinds."""
    return Failure(f"{ERRORS}{kind}", f"{kind.title()} Error", status, detail, retryable=kind == "timeout")


def text(value: Json) -> str:
    """Return JSON text, as compact as it gets, with the members of objects in their order.

    Raises:
        ValueError: a number that JSON does not have.
    """
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def bounded(value: Json, what: str) -> str:
    """Return JSON text of a value that is not too large to keep.

    Raises:
        ResourceExhaustedError: it is; says what, how large, and how large it may be.
    """
    written = text(value)
    if len(written) > LARGEST:
        raise ResourceExhaustedError(f"{what} has {len(written)} characters of JSON, at most {LARGEST} are kept")
    return written


def _plain(value: Any) -> Json:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Failure):
        return failure_json(value)
    return value
