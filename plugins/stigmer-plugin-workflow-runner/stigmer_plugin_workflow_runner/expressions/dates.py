"""The functions of dates that need no clock: always in UTC, and in the words of the C locale.

A broken-down time is what C calls a `tm`: year, month from 0, day, hour, minute, seconds, weekday from Sunday, day of
the year from 0.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.values import Json, is_number, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_plugin_workflow_runner.expressions.budget import Budget

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = (23, 59, 61)  # hours, minutes, seconds
_LAST_CENTURY = 69  # years of two digits from here on are of the 20th century
_LONGEST = 1_000  # characters of a format
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_SHORT = {"D": "%m/%d/%y", "F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "r": "%I:%M:%S %p",
          "c": "%a %b %e %H:%M:%S %Y", "x": "%m/%d/%y", "X": "%H:%M:%S", "h": "%b"}  # fmt: skip


def _gmtime(_budget: Budget, value: Json) -> Json:
    if not is_number(value):
        raise JqError("gmtime() requires numeric inputs")
    if not math.isfinite(value):
        raise JqError("error converting number of seconds since epoch to datetime")
    moment = _moment(math.trunc(value))
    return _broken_down(moment, number(moment.second + (value - math.floor(value))))


def _moment(seconds: float) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError as error:
        raise JqError("error converting number of seconds since epoch to datetime") from error


def _broken_down(moment: datetime, second: Json = None) -> list[Json]:
    weekday, day_of_year = moment.isoweekday() % 7, moment.timetuple().tm_yday - 1
    clock = [moment.hour, moment.minute, moment.second if second is None else second]
    return [moment.year, moment.month - 1, moment.day, *clock, weekday, day_of_year]


def _instant(value: list[Json], word: str) -> datetime:
    """Return the instant of a broken-down time, whose parts may be out of their ranges."""
    if not all(is_number(part) and math.isfinite(part) for part in value):
        raise JqError(f"{word} requires parsed datetime inputs")
    parts = [math.trunc(part) for part in value[:6]]
    year, month, day, hour, minute, second = parts + [1900, 0, 0, 0, 0, 0][len(parts) :]
    try:
        start = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return start + timedelta(days=day - 1, hours=hour, minutes=minute, seconds=second)
    except (ValueError, OverflowError) as error:
        raise JqError("invalid gmtime representation") from error


def _mktime(_budget: Budget, value: Json) -> Json:
    if not isinstance(value, list):
        raise JqError("mktime requires array inputs")
    return math.floor((_instant(value, "mktime") - _EPOCH).total_seconds())


def _strftime(budget: Budget, value: Json, form: Json) -> str:
    if is_number(value):
        value = _gmtime(budget, value)
    elif not isinstance(value, list):
        raise JqError("strftime/1 requires parsed datetime inputs")
    if not isinstance(form, str):
        raise JqError("strftime/1 requires a string format")
    if len(form) > _LONGEST:
        raise JqError("strftime/1: the format is too long")
    budget.spend(len(form))
    return written(_instant(value, "strftime/1"), form)


def written(moment: datetime, form: str) -> str:
    """Return an instant in a format of C's `strftime`."""
    return re.sub(r"%[EO]?(.)", lambda match: _field(moment, match[1], match[0]), form, flags=re.DOTALL)


def _field(moment: datetime, letter: str, text: str) -> str:
    if letter in _SHORT:
        return written(moment, _SHORT[letter])
    make = _FIELDS.get(letter)
    return text if make is None else make(moment)


def _twelve(moment: datetime) -> int:
    return (moment.hour + 11) % 12 + 1


def _half(moment: datetime) -> str:
    return ("am", "pm")[moment.hour // 12]


def _week(moment: datetime, first: int) -> int:
    """Return the number of the week, where weeks start on Sunday (0) or Monday (1)."""
    return (moment.timetuple().tm_yday + 6 - (moment.isoweekday() - first) % 7) // 7


_FIELDS: dict[str, Callable[[datetime], str]] = {
    "a": lambda at: _WEEKDAYS[at.isoweekday() % 7][:3],
    "A": lambda at: _WEEKDAYS[at.isoweekday() % 7],
    "b": lambda at: _MONTHS[at.month - 1][:3],
    "B": lambda at: _MONTHS[at.month - 1],
    "C": lambda at: f"{at.year // 100:02}",
    "d": lambda at: f"{at.day:02}",
    "e": lambda at: f"{at.day:2}",
    "g": lambda at: f"{at.isocalendar().year % 100:02}",
    "G": lambda at: str(at.isocalendar().year),
    "H": lambda at: f"{at.hour:02}",
    "I": lambda at: f"{_twelve(at):02}",
    "j": lambda at: f"{at.timetuple().tm_yday:03}",
    "k": lambda at: f"{at.hour:2}",
    "l": lambda at: f"{_twelve(at):2}",
    "m": lambda at: f"{at.month:02}",
    "M": lambda at: f"{at.minute:02}",
    "n": lambda _at: "\n",
    "p": lambda at: _half(at).upper(),
    "P": _half,
    "s": lambda at: str(math.floor((at - _EPOCH).total_seconds())),
    "S": lambda at: f"{at.second:02}",
    "t": lambda _at: "\t",
    "u": lambda at: str(at.isoweekday()),
    "U": lambda at: f"{_week(at, 0):02}",
    "V": lambda at: f"{at.isocalendar().week:02}",
    "w": lambda at: str(at.isoweekday() % 7),
    "W": lambda at: f"{_week(at, 1):02}",
    "y": lambda at: f"{at.year % 100:02}",
    "Y": lambda at: str(at.year),
    "z": lambda _at: "+0000",
    "Z": lambda _at: "UTC",
    "%": lambda _at: "%",
}

# What a directive of `strptime` reads; the names are those of the groups
_READ = {
    "Y": r"(?P<Y>[+-]?\d{1,4})", "m": r"(?P<m>\d{1,2})", "d": r"\s*(?P<d>\d{1,2})", "e": r"\s*(?P<d>\d{1,2})",
    "H": r"\s*(?P<H>\d{1,2})", "k": r"\s*(?P<H>\d{1,2})", "I": r"\s*(?P<I>\d{1,2})", "l": r"\s*(?P<I>\d{1,2})",
    "M": r"(?P<M>\d{1,2})", "S": r"(?P<S>\d{1,2})", "j": r"(?P<j>\d{1,3})", "y": r"(?P<y>\d{1,2})",
    "p": r"(?P<p>[AaPp][Mm])", "s": r"(?P<s>-?\d{1,12})", "Z": r"[A-Za-z]*", "z": r"(?:Z|[+-]\d{2}(?::?\d{2})?)",
    "a": r"(?:[A-Za-z]+)", "A": r"(?:[A-Za-z]+)", "b": r"(?P<b>[A-Za-z]{3,9})", "B": r"(?P<b>[A-Za-z]{3,9})",
    "h": r"(?P<b>[A-Za-z]{3,9})", "u": r"\d", "w": r"\d", "n": r"\s*", "t": r"\s*", "%": "%",
}  # fmt: skip


def _strptime(budget: Budget, value: Json, form: Json) -> Json:
    if not isinstance(value, str) or not isinstance(form, str):
        raise JqError("strptime/1 requires string inputs and arguments")
    if len(form) > _LONGEST or len(value) > _LONGEST:
        raise JqError("strptime/1: the text is too long")
    budget.spend(len(form) + len(value))
    match = _reader(form).fullmatch(value)
    if match is None:
        raise JqError(f'date "{value}" does not match format "{form}"')
    return _read(match.groupdict(), value, form)


def _reader(form: str) -> re.Pattern[str]:
    for letter in ("D", "F", "T", "R", "r", "c", "x", "X"):
        form = form.replace(f"%{letter}", _SHORT[letter])
    parts = re.findall(r"%[EO]?.|\s+|.", form, flags=re.DOTALL)
    texts = [
        _READ.get(part[-1], "") if part[0] == "%" else r"\s*" if part.isspace() else re.escape(part) for part in parts
    ]
    if not all(texts):
        raise JqError(f'the format "{form}" is not supported by this version')
    try:
        return re.compile("".join(texts), re.ASCII)
    except re.error as error:
        raise JqError(f'the format "{form}" names a part twice') from error


def _read(parts: dict[str, str | None], value: str, form: str) -> Json:
    found = {name: int(text) for name, text in parts.items() if text is not None and name not in "bp"}
    if "s" in found:
        return _broken_down(_moment(found["s"]))
    month = _month(parts["b"]) if parts.get("b") else found.get("m", 1)
    hour = found.get("H", found.get("I", 0) % 12 + 12 * ((parts.get("p") or "").lower() == "pm"))
    year = found.get("Y", 1900)
    if "y" in found:
        year = found["y"] + (1900 if found["y"] >= _LAST_CENTURY else 2000)
    second = found.get("S", 0)
    if any(part > most for part, most in zip((hour, found.get("M", 0), second), _MOST, strict=True)):
        raise JqError(f'date "{value}" does not match format "{form}"')
    try:
        day = date(year, month, found.get("d", 1))
    except ValueError as error:
        raise JqError(f'date "{value}" does not match format "{form}"') from error
    if "j" in found:
        day = date(year, 1, 1) + timedelta(days=found["j"] - 1)
    weekday, day_of_year = day.isoweekday() % 7, day.timetuple().tm_yday - 1
    return [day.year, day.month - 1, day.day, hour, found.get("M", 0), second, weekday, day_of_year]


def _month(word: str | None) -> int:
    short = (word or "")[:3].title()
    return next((at for at, name in enumerate(_MONTHS, start=1) if name[:3] == short), 0)


DATES: dict[tuple[str, int], Callable[..., Any]] = {
    ("gmtime", 0): _gmtime,
    ("mktime", 0): _mktime,
    ("strftime", 1): _strftime,
    ("strptime", 1): _strptime,
}
