"""The operators that compute a value of two, and indexing."""

from __future__ import annotations

from math import floor, isnan, nan
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.values import (
    EXACT,
    Json,
    brief,
    equal,
    is_number,
    less,
    number,
    shown,
    type_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_plugin_workflow_runner.expressions.budget import Budget

LONGEST = 10_000_000  # characters of one string
MOST = 2**63 - 1


def add(left: Json, right: Json, budget: Budget) -> Json:
    """Return `left + right`: null is neutral, objects merge."""
    if left is None:
        return right
    if right is None:
        return left
    if is_number(left) and is_number(right):
        return number(_double(left) + _double(right))
    if type(left) is not type(right) or not isinstance(left, (str, list, dict)):
        raise JqError(f"{shown(left)} and {shown(right)} cannot be added")
    budget.copy(len(left) + len(right))
    if isinstance(left, str) and len(left) + len(right) > LONGEST:
        raise JqError("the string is too long")
    return {**left, **right} if isinstance(left, dict) else left + right


def subtract(left: Json, right: Json, budget: Budget) -> Json:
    """Return `left - right`; of arrays, what is not in the right one."""
    if is_number(left) and is_number(right):
        return number(_double(left) - _double(right))
    if isinstance(left, list) and isinstance(right, list):
        budget.spend(len(left) * len(right))
        return [item for item in left if not any(equal(item, other) for other in right)]
    raise JqError(f"{shown(left)} and {shown(right)} cannot be subtracted")


def multiply(left: Json, right: Json, budget: Budget) -> Json:
    """Return `left * right`: a string is repeated, objects merge deeply."""
    if is_number(left) and is_number(right):
        return number(_double(left) * _double(right))
    if isinstance(left, dict) and isinstance(right, dict):
        return _merge(left, right, budget)
    if is_number(left) and isinstance(right, str):
        left, right = right, left
    if isinstance(left, str) and is_number(right):
        return _repeat(left, right, budget)
    raise JqError(f"{shown(left)} and {shown(right)} cannot be multiplied")


def divide(left: Json, right: Json, budget: Budget) -> Json:
    """Return `left / right`; a string is split by a string."""
    if is_number(left) and is_number(right):
        if right == 0:
            raise JqError(f"{shown(left)} and {shown(right)} cannot be divided because the divisor is zero")
        return number(_double(left) / _double(right))
    if isinstance(left, str) and isinstance(right, str):
        return split(left, right, budget)
    raise JqError(f"{shown(left)} and {shown(right)} cannot be divided")


def modulo(left: Json, right: Json, _budget: Budget) -> Json:
    """Return `left % right` of the integral parts; the sign is the left one's."""
    if not (is_number(left) and is_number(right)):
        raise JqError(f"{shown(left)} and {shown(right)} cannot be divided (remainder)")
    if isnan(left) or isnan(right):
        return nan
    divisor = abs(_integral(right))
    if divisor == 0:
        raise JqError(f"{shown(left)} and {shown(right)} cannot be divided (remainder) because the divisor is zero")
    rest = abs(_integral(left)) % divisor
    return number(float(-rest if left < 0 else rest))


def _integral(value: float) -> int:
    """Return a number without its fraction, within 64 bits."""
    return int(max(min(value, MOST), -MOST - 1))


def _double(value: float) -> float:
    """Return a number as a double; integers that a double holds are left alone, which is faster."""
    return value if type(value) is float or -EXACT <= value <= EXACT else float(number(value))


def negative(value: Json) -> Json:
    """Return `-value`; an integer keeps all of its digits."""
    if not is_number(value):
        raise JqError(f"{shown(value)} cannot be negated")
    return -value


def split(text: str, separator: str, budget: Budget) -> list[Json]:
    """Return the parts of a text; an empty separator parts its characters."""
    budget.spend(len(text))
    if not text:
        return []
    return list(text) if not separator else text.split(separator)


def _repeat(text: str, times: float, budget: Budget) -> str | None:
    if isnan(times) or times < 0:
        return None
    if len(text) * times > LONGEST:
        raise JqError("Repeat string result too long")
    count = int(times)
    budget.copy(len(text) * count)
    return text * count


def _merge(left: dict[str, Json], right: dict[str, Json], budget: Budget) -> dict[str, Json]:
    budget.spend(len(left) + len(right))
    merged = dict(left)
    for name, value in right.items():
        old = merged.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[name] = _merge(old, value, budget)
        else:
            merged[name] = value
    return merged


def _compared(test: Callable[[Json, Json], bool]) -> Callable[[Json, Json, Budget], bool]:
    def compare(left: Json, right: Json, budget: Budget) -> bool:
        if isinstance(left, (str, list, dict)) and type(left) is type(right):
            budget.walk(left)
            budget.walk(right)
        return test(left, right)

    return compare


OPERATORS: dict[str, Callable[[Json, Json, Budget], Json]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": modulo,
    "==": _compared(equal),
    "!=": _compared(lambda left, right: not equal(left, right)),
    "<": _compared(less),
    "<=": _compared(lambda left, right: less(left, right) or equal(left, right)),
    ">": _compared(lambda left, right: less(right, left)),
    ">=": _compared(lambda left, right: less(right, left) or equal(left, right)),
}


def index(target: Json, key: Json) -> Json:
    """Return `target[key]`; what is not there is null."""
    if target is None and (isinstance(key, (str, dict)) or is_number(key)):
        return None
    if isinstance(key, str) and isinstance(target, dict):
        return target.get(key)
    if isinstance(target, list) and is_number(key):
        position = len(target) if isnan(key) else int(max(min(key, EXACT), -EXACT))  # a fraction is cut off
        return target[position] if -len(target) <= position < len(target) else None
    if isinstance(key, dict) and isinstance(target, (str, list)):
        return cut(target, key.get("start", False), key.get("end", False))
    if isinstance(target, list) and isinstance(key, list):
        return indices(target, key)
    raise JqError(f"Cannot index {type_name(target)} with {type_name(key)} ({brief(key)})")


def indices(target: list[Json], wanted: list[Json]) -> list[int]:
    """Return where a run of items starts in an array."""
    if not wanted:
        return []
    span = len(wanted)
    return [at for at in range(len(target) - span + 1) if equal(target[at : at + span], wanted)]


def cut(target: Json, start: Json, stop: Json) -> Json:
    """Return `target[start:stop]` of an array or a string; bounds count characters and may be null."""
    if target is None:
        return None
    if not isinstance(target, (str, list)):
        raise JqError(f"Cannot index {type_name(target)} with object ({brief({'start': start, 'end': stop})})")
    first, last = bounds(len(target), start, stop)
    return target[first:last]


def bounds(length: int, start: Json, stop: Json) -> tuple[int, int]:
    """Return the bounds of a slice as positions; the first is rounded down and the last up."""
    start, stop = 0 if start is None else start, length if stop is None else stop
    if not (is_number(start) and is_number(stop)):
        raise JqError("Array/string slice indices must be integers")
    start, stop = 0 if isnan(start) else start, length if isnan(stop) else stop
    first = floor(min(max(start + length if start < 0 else start, 0), length))
    stop = stop + length if stop < 0 else stop
    last = first if stop < 0 else length if stop >= length else -floor(-stop)
    return first, max(first, last)


def items(target: Json) -> list[Json]:
    """Return the values of an array or object."""
    if isinstance(target, list):
        return target
    if isinstance(target, dict):
        return list(target.values())
    raise JqError(f"Cannot iterate over {shown(target)}")
