"""The functions of arrays and objects."""

from __future__ import annotations

from bisect import bisect_left
from math import isnan
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.locations import Draft, deleted, get, keys_of_path
from stigmer_plugin_workflow_runner.expressions.operators import add, index, indices, items, subtract
from stigmer_plugin_workflow_runner.expressions.values import (
    EXACT,
    Json,
    equal,
    is_number,
    less,
    number,
    order_key,
    shown,
    to_text,
    type_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_plugin_workflow_runner.expressions.budget import Budget


def extreme(keyed: list[tuple[Json, Json]], *, largest: bool) -> Json:
    """Return the item with the smallest key (the first of equals) or the largest (the last of equals)."""
    if not keyed:
        return None
    best = keyed[0]
    for pair in keyed[1:]:
        if (pair[0] >= best[0]) if largest else (pair[0] < best[0]):
            best = pair
    return best[1]


def to_entries(budget: Budget, value: Json) -> list[Json]:
    """Return an object as an array of `{key, value}`."""
    return [{"key": key, "value": value[key]} for key in _keys_unsorted(budget, value)]


def from_entries(budget: Budget, value: Json) -> Json:
    """Return an object of an array of `{key, value}`, whose names may also be `name`, `Name`, `Key` and `Value`."""
    made: dict[str, Json] = {}
    for entry in items(value):
        budget.spend()
        key = None
        for name in ("key", "Key", "name", "Name"):
            key = index(entry, name) if key is None or key is False else key
        if not isinstance(key, str):
            raise JqError(f"Cannot use {shown(key)} as object key")
        made[key] = entry.get("value") if "value" in entry else entry.get("Value")
    return made


def array(value: Json, what: str) -> list[Json]:
    """Return a value that has to be an array.

    Raises:
        JqError: it is none.
    """
    if not isinstance(value, list):
        raise JqError(f"{shown(value)} {what}")
    return value


def _length(_budget: Budget, value: Json) -> Json:
    if value is None:
        return 0
    if isinstance(value, (str, list, dict)):
        return len(value)
    if is_number(value):
        return number(abs(value))
    raise JqError(f"{shown(value)} has no length")


def _keys_unsorted(budget: Budget, value: Json) -> list[Json]:
    if not isinstance(value, (list, dict)):
        raise JqError(f"{shown(value)} has no keys")
    budget.spend(len(value))
    return list(value) if isinstance(value, dict) else list(range(len(value)))


def _has(_budget: Budget, value: Json, key: Json) -> bool:
    if value is None:
        return False
    if isinstance(value, dict) and isinstance(key, str):
        return key in value
    if isinstance(value, list) and is_number(key):
        return not isnan(key) and bool(-1 < key < len(value))
    raise JqError(f"Cannot check whether {type_name(value)} has a {type_name(key)} key")


def _contains(budget: Budget, value: Json, part: Json) -> bool:
    if type_name(value) != type_name(part) or (isinstance(value, bool) and value is not part):
        raise JqError(f"{shown(value)} and {shown(part)} cannot have their containment checked")
    budget.walk(value)
    budget.walk(part)
    return _includes(budget, value, part)


def _includes(budget: Budget, value: Json, part: Json) -> bool:
    budget.spend()
    if isinstance(value, dict) and isinstance(part, dict):
        return all(name in value and _includes(budget, value[name], inner) for name, inner in part.items())
    if isinstance(value, list) and isinstance(part, list):
        return all(any(_includes(budget, item, inner) for item in value) for inner in part)
    if isinstance(value, str) and isinstance(part, str):
        budget.copy(len(value))
        return part in value
    return equal(value, part)


def _indices(budget: Budget, value: Json, wanted: Json) -> Json:
    if isinstance(value, str) and isinstance(wanted, str):
        budget.spend(len(value) * (1 + len(wanted) // 64))
        return [at for at in range(len(value)) if wanted and value.startswith(wanted, at)]
    if not isinstance(value, list):
        return index(value, wanted)
    run = wanted if isinstance(wanted, list) else [wanted]
    budget.spend(len(value) * max(len(run), 1))
    budget.walk(value)
    return indices(value, run)


def _at(position: int) -> Callable[..., Json]:
    def function(budget: Budget, value: Json, wanted: Json) -> Json:
        return index(_indices(budget, value, wanted), position)

    return function


def total(budget: Budget, values: Any) -> Json:
    """Return the sum of values, as `+` adds them up."""
    made = None
    for item in values:
        budget.spend()
        made = add(made, item, budget)
    return made


def _join(budget: Budget, value: Json, separator: Json) -> Json:
    found = items(value)
    budget.spend(len(found))
    between = separator if isinstance(separator, str) else ""
    texts: list[str] = []
    for item in found:
        if isinstance(item, (list, dict)):
            raise JqError(f"{shown(between.join([*texts, '']))} and {shown(item)} cannot be added")
        if texts and separator is not None and not isinstance(separator, str):
            raise JqError(f"{shown(texts[0])} and {shown(separator)} cannot be added")
        texts.append("" if item is None else item if isinstance(item, str) else to_text(item))
    budget.copy(sum(map(len, texts)) + len(texts) * len(between))
    return between.join(texts)


def _flatten(budget: Budget, value: Json, depth: Json = -1) -> Json:
    made: list[Json] = []
    for item in items(value):
        budget.spend()
        if isinstance(item, list) and depth != 0:
            made.extend(_flatten(budget, item, subtract(depth, 1, budget)))
        else:
            made.append(item)
    return made


def _flatten_to(budget: Budget, value: Json, depth: Json = EXACT) -> Json:
    if less(depth, 0):
        raise JqError("flatten depth must not be negative")
    budget.walk(value)
    return _flatten(budget, value, depth)


def _reverse(budget: Budget, value: Json) -> Json:
    if value in (None, "", {}, 0) and not isinstance(value, bool):
        return []
    if not isinstance(value, list):
        index(value, _length(budget, value) - 1)
    budget.copy(len(value))
    return value[::-1]


def ordered(budget: Budget, value: Json) -> list[Json]:
    """Return an array in jq's order.

    Raises:
        JqError: the value is no array.
    """
    found = array(value, "cannot be sorted, as it is not an array")
    budget.walk(found)
    budget.spend(len(found))
    return sorted(found, key=order_key)


def _unique(budget: Budget, value: Json) -> Json:
    made: list[Json] = []
    for item in ordered(budget, value):
        if not made or not equal(made[-1], item):
            made.append(item)
    return made


def _extreme(*, largest: bool) -> Callable[..., Json]:
    def function(budget: Budget, value: Json) -> Json:
        budget.walk(array(value, f"and {shown(value)} cannot be iterated over"))
        return extreme([(order_key(item), item) for item in value], largest=largest)

    return function


def _search(budget: Budget, value: Json, wanted: Json) -> Json:
    found = array(value, "cannot be searched from")
    budget.walk(found)
    budget.walk(wanted)
    key = order_key(wanted)
    at = bisect_left(found, key, key=order_key)
    return at if at < len(found) and order_key(found[at]) == key else -1 - at


def _transpose(budget: Budget, value: Json) -> Json:
    rows = items(value)
    width = max((_length(budget, row) for row in rows), default=0)
    budget.spend(int(width * len(rows)))
    return [[index(row, at) for row in rows] for at in range(int(width))]


def _setpath(budget: Budget, value: Json, path: Json, item: Json) -> Json:
    draft = Draft(value, budget)
    draft.set(keys_of_path(path), item)
    return draft.value


def _delpaths(budget: Budget, value: Json, paths: Json) -> Json:
    if not isinstance(paths, list):
        raise JqError("Paths must be specified as an array")
    return deleted(value, paths, budget)


CONTAINERS: dict[tuple[str, int], Callable[..., Any]] = {
    ("length", 0): _length,
    ("keys", 0): lambda budget, value: sorted(_keys_unsorted(budget, value)),
    ("keys_unsorted", 0): _keys_unsorted,
    ("has", 1): _has,
    ("in", 1): lambda budget, value, target: _has(budget, target, value),
    ("contains", 1): _contains,
    ("inside", 1): lambda budget, value, whole: _contains(budget, whole, value),
    ("indices", 1): _indices,
    ("index", 1): _at(0),
    ("rindex", 1): _at(-1),
    ("add", 0): lambda budget, value: total(budget, items(value)),
    ("join", 1): _join,
    ("flatten", 0): _flatten_to,
    ("flatten", 1): _flatten_to,
    ("reverse", 0): _reverse,
    ("unique", 0): _unique,
    ("sort", 0): ordered,
    ("min", 0): _extreme(largest=False),
    ("max", 0): _extreme(largest=True),
    ("bsearch", 1): _search,
    ("transpose", 0): _transpose,
    ("to_entries", 0): to_entries,
    ("from_entries", 0): from_entries,
    ("setpath", 2): _setpath,
    ("delpaths", 1): _delpaths,
    ("_getpath", 1): lambda _budget, value, path: get(value, keys_of_path(path)),
}
