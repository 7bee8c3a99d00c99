"""Events and commands as JSON: as an engine keeps them, in a journal, a snapshot or a history."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from stigmer_core import program
from stigmer_core.errors import ResourceExhaustedError
from stigmer_core.program import Failure

if TYPE_CHECKING:
    from stigmer_core.program import Command, Event, Json

LARGEST = 64 * 1024 * 1024  # characters of one value's JSON: what a run is given, what an activity returns, a state

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
_MOMENTS = ("now", "due")
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def encode(value: Event | Command) -> dict[str, Json]:
    """Return an event or command as JSON."""
    kind: Any = type(value)
    encoded: dict[str, Json] = {"type": kind.__name__}
    for name in _names(kind):
        encoded[name] = _plain(getattr(value, name))
    return encoded


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def decode(encoded: dict[str, Json], *, now: datetime | None = None) -> Any:
    """Return the event or command that `encode` made this of.

    Args:
        encoded: it.
        now: the moment of an event that is delivered at another than it was made; its own when not given.
    """
    values: dict[str, Any] = {name: value for name, value in encoded.items() if name != "type"}
    if now is not None:
        values["now"] = now.isoformat()
    for name in _MOMENTS:
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
    if values.get("failure") is not None:
        values["failure"] = Failure(**values["failure"])
    if values.get("timeout") is not None:
        values["timeout"] = timedelta(seconds=values["timeout"])
    return cast("Any", _CLASSES[encoded["type"]])(**values)


def failure_json(failure: Failure) -> dict[str, Json]:
    """Return a failure as JSON."""
    return {field.name: getattr(failure, field.name) for field in fields(failure)}


def bounded(value: Json, what: str) -> str:
    """Return JSON text of a value that is not too large to keep.

    Raises:
        ResourceExhaustedError: it is; says what, how large, and how large it may be.
    """
    written = text(value)
    if len(written) > LARGEST:
        raise ResourceExhaustedError(f"{what} has {len(written)} characters of JSON, at most {LARGEST} are kept")
    return written


def text(value: Json) -> str:
    """Return JSON text, as compact as it gets, with the members of objects in their order.

    Raises:
        ValueError: a number that JSON does not have.
    """
    return _ENCODER.encode(value)


def _plain(value: Any) -> Json:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Failure):
        return failure_json(value)
    return value
