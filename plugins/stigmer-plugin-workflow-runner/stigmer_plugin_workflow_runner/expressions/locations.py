"""Reading, setting and deleting what stands at a path.

Source: jq's jv_aux.c, for what is an error.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.operators import bounds, index
from stigmer_plugin_workflow_runner.expressions.values import Json, is_number, order_key, type_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_plugin_workflow_runner.expressions.budget import Budget

LARGEST_ARRAY = 100_000  # items; what assigning to an index far behind the end may fill with nulls
DEEPEST = 400  # keys in a path


def keys_of_path(path: Json) -> list[Json]:
    """Return the keys of a path that an expression has made.

    Raises:
        JqError: it is no array, or too long.
    """
    if not isinstance(path, list):
        raise JqError("Path must be specified as an array")
    if len(path) > DEEPEST:
        raise JqError("Path too deep")
    return path


def get(value: Json, keys: Sequence[Json]) -> Json:
    """Return what stands at a path, null where it ends early."""
    for key in keys:
        value = index(value, key)
    return value


class Draft:
    """A value in the making: what it has copied itself it changes in place."""

    def __init__(self, value: Json, budget: Budget) -> None:
        self.value = value
        self._budget = budget
        self._own: dict[int, Json] = {}

    def taken(self, keys: Sequence[Json]) -> Json:
        """Return what stands at a path; it will not change any more."""
        found = get(self.value, keys)
        if isinstance(found, (list, dict)) and id(found) in self._own:
            self._own.clear()
        return found

    def set(self, keys: Sequence[Json], item: Json) -> None:
        """Put an item at a path."""
        self.value = self._with(self.value, keys, 0, item)

    def _with(self, target: Json, keys: Sequence[Json], at: int, item: Json) -> Json:
        if at == len(keys):
            return item
        key = keys[at]
        self._budget.spend()
        if isinstance(key, dict):
            return _spliced(target, key, self._with(index(target, key), keys, at + 1, item), self._budget)
        inner = index(target, key)
        _check(target, key)
        made = self._copied(target, is_object=isinstance(key, str))
        if isinstance(key, str):
            made[key] = self._with(inner, keys, at + 1, item)
        else:
            place = self._place(made, key)
            made[place] = self._with(inner, keys, at + 1, item)
        return made

    def _copied(self, target: Json, *, is_object: bool) -> Json:
        if id(target) in self._own:
            return target
        self._budget.copy(len(target or ()))
        made: Json = dict(target or {}) if is_object else list(target or [])
        self._own[id(made)] = made
        return made

    def _place(self, made: list[Json], key: float) -> int:
        place = int(max(min(key, 2**31), -(2**31)))
        if place < 0:
            place += len(made)
            if place < 0:
                raise JqError("Out of bounds negative array index")
        if place >= LARGEST_ARRAY and place >= len(made):
            raise JqError("Array index too large")
        missing = place + 1 - len(made)
        if missing > 0:
            self._budget.spend(missing // 4)
            made.extend([None] * missing)
        return place


def _check(target: Json, key: Json) -> None:
    if isinstance(key, str) and (target is None or isinstance(target, dict)):
        return
    if is_number(key) and (target is None or isinstance(target, list)):
        if isinstance(key, float) and isnan(key):
            raise JqError("Cannot set array element at NaN index")
        return
    raise JqError(f"Cannot update field at {type_name(key)} index of {type_name(target)}")


def _spliced(target: Json, key: dict[str, Json], items: Json, budget: Budget) -> Json:
    if isinstance(target, str):
        raise JqError("Cannot update string slices")
    if target is not None and not isinstance(target, list):
        raise JqError(f"Cannot update field at object index of {type_name(target)}")
    if not isinstance(items, list):
        raise JqError("A slice of an array can only be assigned another array")
    target = target or []
    start, stop = bounds(len(target), key.get("start", False), key.get("end", False))
    budget.copy(len(target) + len(items))
    return [*target[:start], *items, *target[stop:]]


def deleted(value: Json, paths: list[Json], budget: Budget) -> Json:
    """Return a value without what stands at some paths."""
    if not paths:
        return value
    budget.spend(len(paths))
    ordered = sorted((keys_of_path(path) for path in paths), key=order_key)
    return None if not ordered[0] else _without(value, ordered, 0, budget)


def _without(value: Json, paths: list[list[Json]], at: int, budget: Budget) -> Json:
    """Return a value without what stands at sorted paths, of which the first keys are left out."""
    ends: list[Json] = []
    start = 0
    while start < len(paths):
        key = paths[start][at]
        stop = start
        while stop < len(paths) and order_key(paths[stop][at]) == order_key(key):
            stop += 1
        budget.spend()
        if len(paths[start]) == at + 1:
            ends.append(key)
        else:
            inner = index(value, key)
            if inner is not None:
                draft = Draft(value, budget)
                draft.set([key], _without(inner, paths[start:stop], at + 1, budget))
                value = draft.value
        start = stop
    return _without_keys(value, ends, budget)


def _without_keys(value: Json, keys: list[Json], budget: Budget) -> Json:
    if value is None or not keys:
        return value
    budget.copy(len(value) if isinstance(value, (list, dict)) else 0)
    if isinstance(value, dict):
        for key in keys:
            if not isinstance(key, str):
                raise JqError(f"Cannot delete {type_name(key)} field of object")
        return {name: item for name, item in value.items() if name not in set(keys)}
    if not isinstance(value, list):
        raise JqError(f"Cannot delete fields from {type_name(value)}")
    gone: set[int] = set()
    for key in keys:
        if isinstance(key, dict):
            gone.update(range(*bounds(len(value), key.get("start", False), key.get("end", False))))
        elif is_number(key):
            if not (isinstance(key, float) and isnan(key)):
                place = int(max(min(key, 2**31), -(2**31)))
                gone.add(place + len(value) if key < 0 else place)
        else:
            raise JqError(f"Cannot delete {type_name(key)} element of array")
    return [item for at, item in enumerate(value) if at not in gone]
