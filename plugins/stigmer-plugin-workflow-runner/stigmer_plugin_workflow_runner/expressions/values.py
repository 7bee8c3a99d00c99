"""JSON values as jq sees them: their types, their order and their numbers."""

from __future__ import annotations

import json
import re
from itertools import islice
from math import copysign, inf, isfinite, isnan
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Json: TypeAlias = Any

EXACT = 2**53  # jq's numbers are IEEE doubles: above this an integer is rounded
LARGEST = 1.7976931348623157e308  # what jq prints for an infinity
INTEGRAL = 1e17  # up to here jq prints a double without a fraction as an integer
SHOWN = 29  # bytes of a value in an error message

_ODD = re.compile(r'"(?:[^"\\]|\\.)*"|-0\.0(?!\d)')
_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_PRINTED_AS_THEY_ARE = frozenset({type(None), bool, int, str})
_RANKS = {"null": 0, "boolean": 1, "number": 3, "string": 4, "array": 5, "object": 6}


def type_name(value: Json) -> str:
    """Return jq's name of the value's type."""
    return _NAMES[type(value)]


def is_number(value: Json) -> bool:
    """Return whether the value is a number; a boolean is none."""
    return type(value) is int or type(value) is float


def truthy(value: Json) -> bool:
    """Return whether a condition holds: anything but null and false."""
    return value is not None and value is not False


def number(value: float) -> int | float:
    """Return a computed number as jq would keep it: rounded to a double, an integral one as an integer."""
    if type(value) is int:
        if -EXACT <= value <= EXACT:
            return value
        try:
            value = float(value)
        except OverflowError:
            return inf if value > 0 else -inf
    if isfinite(value) and value.is_integer() and abs(value) <= INTEGRAL and (value or copysign(1, value) > 0):
        return int(value)
    return value


def order_key(value: Json) -> tuple[Any, ...]:
    """Return a key that sorts values of any types in jq's order: null, false, true, numbers, strings, arrays, objects.

    Source: jq manual, "sort".
    """
    rank = _RANKS[type_name(value)]
    if value is None or value is False:
        return (rank,)
    if value is True:
        return (2,)
    if isinstance(value, list):
        return (rank, [order_key(item) for item in value])
    if isinstance(value, dict):
        names = sorted(value)
        return (rank, names, [order_key(value[name]) for name in names])
    if value != value:  # noqa: PLR0124 - a NaN, which sorts before all other numbers
        return (2, 0)
    return (rank, value)


def equal(left: Json, right: Json) -> bool:
    """Return whether two values are the same; Python's `==` would make true equal to 1."""
    kind = type(left)
    if kind is list and type(right) is list:
        return len(left) == len(right) and all(map(equal, left, right))
    if kind is dict and type(right) is dict:
        return left.keys() == right.keys() and all(equal(item, right[name]) for name, item in left.items())
    if kind is not type(right) and not (is_number(left) and is_number(right)):
        return False
    return bool(left == right)


def less(left: Json, right: Json) -> bool:
    """Return whether one value sorts before another; a NaN sorts before itself."""
    if type(left) is float and isnan(left) and is_number(right):
        return True
    return order_key(left) < order_key(right)


def canonical(value: Json) -> Json:
    """Return the value as jq prints it: integral floats as integers, infinities as the largest number, NaN as null.

    What is shared in the value is shared in the result.
    """
    return value if type(value) in _PRINTED_AS_THEY_ARE else _canonical(value, {})


def _canonical(value: Json, made: dict[int, Json]) -> Json:
    if type(value) is float:
        if isfinite(value):
            return number(value)
        return None if isnan(value) else copysign(LARGEST, value)
    result = made.get(id(value))
    if result is not None:
        return result
    if isinstance(value, list):
        result = [item if type(item) in _PRINTED_AS_THEY_ARE else _canonical(item, made) for item in value]
    else:
        result = {
            name: item if type(item) in _PRINTED_AS_THEY_ARE else _canonical(item, made) for name, item in value.items()
        }
    made[id(value)] = result
    return result


def to_text(value: Json) -> str:
    """Return the value as compact JSON."""
    text = json.dumps(canonical(value), separators=(",", ":"), ensure_ascii=False)
    return _ODD.sub(_as_jq, text) if "-0.0" in text or "\x7f" in text else text


def _as_jq(match: re.Match[str]) -> str:
    return "-0" if match.group() == "-0.0" else match.group().replace("\x7f", "\\u007f")


def shown(value: Json) -> str:
    """Return the value with its type, for an error message."""
    return f"{type_name(value)} ({brief(value)})"


def brief(value: Json) -> str:
    """Return the start of a value's text, as long as jq shows it."""
    text = to_text(_clipped(value, iter(range(SHOWN + 1))))
    data = text.encode()
    if len(data) <= SHOWN:
        return text
    closing = {'"': '"', "[": "]", "{": "}"}.get(text[0], "")
    return data[: SHOWN - len("...") - len(closing)].decode(errors="ignore") + "..." + closing


def _clipped(value: Json, left: Iterator[int]) -> Json:
    """Return a value whose text starts as the value's does, as far as a message shows it.

    Args:
        value: may share its parts, and be larger than anything when it is written out.
        left: has an element for each value that is looked at; each writes a byte at least.
    """
    if isinstance(value, str):
        return value[: SHOWN + 1]
    if not isinstance(value, (list, dict)) or next(left, None) is None:
        return None if isinstance(value, (list, dict)) else value
    if isinstance(value, list):
        return [_clipped(item, left) for item in value[: SHOWN + 1]]
    return {name[: SHOWN + 1]: _clipped(item, left) for name, item in islice(value.items(), SHOWN + 1)}
