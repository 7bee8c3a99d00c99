"""Durations of the DSL."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.faults import TaskFault, fault

if TYPE_CHECKING:
    from stigmer_core.program import Json

PARTS = ("days", "hours", "minutes", "seconds", "milliseconds")
_LONGEST = 30  # characters of a word that may be a part
_ISO = re.compile(
    r"P(?=.)(?:(?P<weeks>\d+(?:\.\d+)?)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


def moment_after(now: datetime, delay: timedelta) -> datetime:
    """Return the moment after a delay; one beyond the calendar is at its end."""
    try:
        return now + delay
    except OverflowError:
        return datetime.max.replace(tzinfo=now.tzinfo)


def parse_duration(value: Json) -> timedelta:
    """Return a DSL duration.

    Args:
        value: an ISO 8601 string of weeks and smaller parts, or integers under any of `days`, `hours`, `minutes`,
            `seconds`, `milliseconds`, which add up. Runtime expressions are evaluated before.

    Raises:
        TaskFault: neither form, as the standard configuration error. Years and months have no fixed length.

    Source: DSL reference, "Duration".
    """
    if isinstance(value, str) and (match := _ISO.fullmatch(value)):
        return _delta({name: float(part) for name, part in match.groupdict(default="0").items()})
    if isinstance(value, dict) and value and all(_is_part(name, part) for name, part in value.items()):
        return _delta(value)
    raise fault("configuration", f"not a duration: {value!r}")


def is_duration(value: Json) -> bool:
    """Return whether a value is a duration."""
    try:
        parse_duration(value)
    except TaskFault:
        return False
    return True


def duration_hint(value: Json) -> str:
    """Return what would be right instead of a value that is no duration."""
    if isinstance(value, str) and re.match(r"P[^T]*[YM]", value):
        return "years and months have no length of their own: use days"
    if isinstance(value, dict):
        unknown = [name for name in value if name not in PARTS]
        close = get_close_matches(unknown[0], PARTS, n=1) if unknown and len(unknown[0]) < _LONGEST else []
        if close:
            return f"did you mean {close[0]!r}?"
        return f"whole numbers under any of {', '.join(PARTS)}"
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return f"such as PT{value}S, or {{seconds: {value}}}"
    return "such as PT5S, or {seconds: 5}"


def _is_part(name: str, part: Json) -> bool:
    return name in PARTS and isinstance(part, int) and not isinstance(part, bool) and part >= 0


def _delta(parts: dict[str, float]) -> timedelta:
    try:
        return timedelta(**parts)
    except OverflowError as error:
        raise fault("configuration", "the duration is too long") from error
