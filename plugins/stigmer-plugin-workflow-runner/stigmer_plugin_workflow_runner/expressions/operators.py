"""The operators that compute a value of two, and indexing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.values import (
    EXACT,
    Json,
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

CHARACTERS_PER_STEP = 64  # copying is that much cheaper than a step of evaluation
LONGEST = 10_000_000  # characters of one string


def add(left: Json, right: Json, budget: Budget) -> Json:
    """Return `left + right`: null is neutral, objects merge."""
    if left is None:
        return right
    if right is None:
        return left
    if is_number(left) and is_number(right):
        return number(left + right)
    if type(left) is not type(right) or not isinstance(left, (str, list, dict)):
        raise JqError(f"{shown(left)} and {shown(right)} cannot be added")
    budget.spend((len(left) + len(right)) // CHARACTERS_PER_STEP)
    return {**left, **right} if isinstance(left, dict) else left + right


def subtract(left: Json, right: Json, budget: Budget) -> Json:
    """Return `left - right`; of arrays, what is not in the right one."""
    if is_number(left) and is_number(right):
        return number(left - right)
    if isinstance(left, list) and isinstance(right, list):
        budget.spend(len(left) * len(right))
        return [item for item in left if not any(equal(item, other) for other in right)]
    raise JqError(f"{shown(left)} and {shown(right)} cannot be subtracted")


def multiply(left: Json, right: Json, budget: Budget) -> Json:
    """Return `left * right`: a string is repeated, objects merge deeply."""
    if is_number(left) and is_number(right):
        return number(float(left) * right)
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
        return number(left / right)
    if isinstance(left, str) and isinstance(right, str):
        return split(left, right, budget)
    raise JqError(f"{shown(left)} and {shown(right)} cannot be divided")


def modulo(left: Json, right: Json, _budget: Budget) -> Json:
    """Return `left % right` of the integral parts; the sign is the left one's."""
    if not (is_number(left) and is_number(right)):
        raise JqError(f"{shown(left)} and {shown(right)} cannot be divided")
    divisor = abs(int(right))
    if divisor == 0:
        raise JqError(f"{shown(left)} and {shown(right)} cannot be divided because the divisor is zero")
    rest = abs(int(left)) % divisor
    return -rest if left < 0 else rest


def split(text: str, separator: str, budget: Budget) -> list[Json]:
    """Return the parts of a text; an empty separator parts its characters."""
    budget.spend(len(text))
    if not text:
        return []
    return list(text) if not separator else text.split(separator)


def _repeat(text: str, times: float, budget: Budget) -> str | None:
    if times < 0:
        return None
    count = int(times)
    if len(text) * count > LONGEST:
        raise JqError("Repeat string result too long")
    budget.spend(len(text) * count // CHARACTERS_PER_STEP)
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


OPERATORS: dict[str, Callable[[Json, Json, Budget], Json]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": modulo,
    "==": lambda left, right, _: equal(left, right),
    "!=": lambda left, right, _: not equal(left, right),
    "<": lambda left, right, _: less(left, right),
    "<=": lambda left, right, _: not less(right, left),
    ">": lambda left, right, _: less(right, left),
    ">=": lambda left, right, _: not less(left, right),
}


def index(target: Json, key: Json) -> Json:
    """Return `target[key]`; what is not there is null."""
    if isinstance(key, str):
        if isinstance(target, dict):
            return target.get(key)
        if target is None:
            return None
    elif is_number(key):
        if isinstance(target, list):
            position = int(max(min(key, EXACT), -EXACT))  # a fraction is cut off
            return target[position] if -len(target) <= position < len(target) else None
        if target is None:
            return None
    elif isinstance(target, list) and isinstance(key, list):
        return indices(target, key)
    quoted = f" ({shown(key).split(' (', 1)[1]}" if isinstance(key, (str, int, float)) else ""
    raise JqError(f"Cannot index {type_name(target)} with {type_name(key)}{quoted}")


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
    if not all(bound is None or is_number(bound) for bound in (start, stop)):
        raise JqError("Array/string slice indices must be integers")
    if not isinstance(target, (str, list)):
        raise JqError(f"Cannot index {type_name(target)} with object")
    return target[None if start is None else math.floor(start) : None if stop is None else math.ceil(stop)]


def items(target: Json) -> list[Json]:
    """Return the values of an array or object."""
    if isinstance(target, list):
        return target
    if isinstance(target, dict):
        return list(target.values())
    raise JqError(f"Cannot iterate over {shown(target) if target is not None else 'null (null)'}")
