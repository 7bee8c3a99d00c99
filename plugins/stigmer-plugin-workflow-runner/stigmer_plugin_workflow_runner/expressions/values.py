"""JSON values as jq sees them: their types, their order and their numbers."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from stigmer_plugin_workflow_runner.expressions.failure import JqError

Json: TypeAlias = Any

EXACT = 2**53  # jq's numbers are IEEE doubles: above this an integer is rounded
LARGEST = 1.7976931348623157e308  # what jq prints for an infinity
INTEGRAL = 1e17  # up to here jq prints a double without a fraction as an integer
SHOWN = 11  # jq shortens a value in an error message to about this many bytes

_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
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
    """Return a number as jq would keep it: rounded to a double, an integral one as an integer."""
    if type(value) is int:
        if -EXACT <= value <= EXACT:
            return value
        try:
            value = float(value)
        except OverflowError:
            return LARGEST if value > 0 else -LARGEST
    if value != value:  # noqa: PLR0124 - a NaN, which JSON does not have; jq prints null
        raise JqError("the result is not a number")
    if value in (float("inf"), float("-inf")):
        return LARGEST if value > 0 else -LARGEST
    return int(value) if value.is_integer() and abs(value) <= INTEGRAL else value


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
    return (rank, value)


def equal(left: Json, right: Json) -> bool:
    """Return whether two values are the same; Python's `==` would make true equal to 1."""
    if isinstance(left, (list, dict)) and isinstance(right, (list, dict)):
        return order_key(left) == order_key(right)
    return type_name(left) == type_name(right) and bool(left == right)


def less(left: Json, right: Json) -> bool:
    """Return whether one value sorts before another."""
    return order_key(left) < order_key(right)


def canonical(value: Json) -> Json:
    """Return the value with every integral float as an integer, which is how jq prints it."""
    if type(value) is float:
        return number(value)
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if isinstance(value, dict):
        return {name: canonical(item) for name, item in value.items()}
    return value


def to_text(value: Json) -> str:
    """Return the value as compact JSON."""
    return json.dumps(canonical(value), separators=(",", ":"), ensure_ascii=False)


def shown(value: Json) -> str:
    """Return the value with its type, for an error message."""
    text = to_text(value)
    return f"{type_name(value)} ({text if len(text) <= SHOWN else text[:SHOWN] + '...'})"
