"""The functions that compute one value of their input and the values of their arguments."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.operators import add, index, indices, items, split, subtract
from stigmer_plugin_workflow_runner.expressions.pattern import matches
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
    truthy,
    type_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_plugin_workflow_runner.expressions.budget import Budget

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_UPPER = {ord(letter): ord(letter.upper()) for letter in "abcdefghijklmnopqrstuvwxyz"}
_LOWER = {upper: lower for lower, upper in _UPPER.items()}


def extreme(keyed: list[tuple[Json, Json]], *, largest: bool) -> Json:
    """Return the item with the smallest key (the first of equals) or the largest (the last of equals)."""
    if not keyed:
        return None
    best = keyed[0]
    for pair in keyed[1:]:
        if (pair[0] >= best[0]) if largest else (pair[0] < best[0]):
            best = pair
    return best[1]


def to_entries(budget: Budget, value: Json) -> Json:
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


def _string(value: Json, message: str) -> str:
    if not isinstance(value, str):
        raise JqError(message)
    return value


def _array(value: Json, what: str) -> list[Json]:
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
    if isinstance(value, dict) and isinstance(key, str):
        return key in value
    if isinstance(value, list) and is_number(key):
        return bool(0 <= key < len(value))
    raise JqError(f"Cannot check whether {type_name(value)} has a {type_name(key)} key")


def _contains(budget: Budget, value: Json, part: Json) -> bool:
    budget.spend()
    if isinstance(value, dict) and isinstance(part, dict):
        return all(name in value and _contains(budget, value[name], inner) for name, inner in part.items())
    if isinstance(value, list) and isinstance(part, list):
        return all(any(_same_type(item, inner) and _contains(budget, item, inner) for item in value) for inner in part)
    if isinstance(value, str) and isinstance(part, str):
        return part in value
    if _same_type(value, part):
        return equal(value, part)
    raise JqError(f"{shown(value)} and {shown(part)} cannot have their containment checked")


def _same_type(left: Json, right: Json) -> bool:
    return type_name(left) == type_name(right) or (isinstance(left, bool) and isinstance(right, bool))


def _indices(budget: Budget, value: Json, wanted: Json) -> Json:
    if isinstance(value, str) and isinstance(wanted, str):
        budget.spend(len(value))
        return [at for at in range(len(value)) if wanted and value.startswith(wanted, at)]
    if not isinstance(value, list):
        return index(value, wanted)
    budget.spend(len(value))
    return indices(value, wanted if isinstance(wanted, list) else [wanted])


def _at(position: int) -> Callable[..., Json]:
    def function(budget: Budget, value: Json, wanted: Json) -> Json:
        return index(_indices(budget, value, wanted), position)

    return function


def _add(budget: Budget, value: Json) -> Json:
    total = None
    for item in items(value):
        budget.spend()
        total = add(total, item, budget)
    return total


def _join(budget: Budget, value: Json, separator: Json) -> Json:
    found = items(value)
    budget.spend(len(found))
    if not found:
        return ""
    if separator is not None and not isinstance(separator, str):
        raise JqError(f"{shown(separator)} cannot join")
    texts = []
    for item in found:
        if isinstance(item, (list, dict)):
            raise JqError(f"string and {shown(item)} cannot be added")
        texts.append("" if item is None else item if isinstance(item, str) else to_text(item))
    return (separator or "").join(texts)


def _flatten(budget: Budget, value: Json, depth: Json = EXACT) -> Json:
    if less(depth, 0):
        raise JqError("flatten depth must not be negative")
    made: list[Json] = []
    for item in items(value):
        budget.spend()
        if isinstance(item, list):
            made.extend(_flatten(budget, item, subtract(depth, 1, budget)) if less(0, depth) else [item])
        else:
            made.append(item)
    return made


def _reverse(_budget: Budget, value: Json) -> Json:
    if isinstance(value, str):
        return value[::-1]
    if value is None or value == {}:
        return []
    return _array(value, "cannot be reversed")[::-1]


def _unique(_budget: Budget, value: Json) -> Json:
    made: list[Json] = []
    for item in sorted(_array(value, "cannot be sorted, as it is not an array"), key=order_key):
        if not made or not equal(made[-1], item):
            made.append(item)
    return made


def _grow(_budget: Budget, value: Json) -> Json:
    return sorted(_array(value, "cannot be sorted, as it is not an array"), key=order_key)


def _extreme(*, largest: bool) -> Callable[..., Json]:
    def function(budget: Budget, value: Json) -> Json:
        budget.spend(len(_array(value, "and it cannot be iterated over")))
        return extreme([(order_key(item), item) for item in value], largest=largest)

    return function


def _transpose(budget: Budget, value: Json) -> Json:
    rows = items(value)
    width = max((len(_array(row, "cannot be transposed")) for row in rows), default=0)
    budget.spend(width * len(rows))
    return [[row[at] if at < len(row) else None for row in rows] for at in range(width)]


def _tostring(budget: Budget, value: Json) -> str:
    return value if isinstance(value, str) else _tojson(budget, value)


def _tojson(budget: Budget, value: Json) -> str:
    text = to_text(value)
    budget.spend(len(text) // 16)
    return text


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def _fromjson(budget: Budget, value: Json) -> Json:
    text = _string(value, f"{shown(value)} only strings can be parsed")
    budget.spend(len(text) // 16)
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        raise JqError(f"{error} (while parsing '{text[:100]}')") from error


def _tonumber(_budget: Budget, value: Json) -> Json:
    if is_number(value):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return number(float(value))
    raise JqError(f"{shown(value)} cannot be parsed as a number")


def _trim(word: str, *, start: bool) -> Callable[..., Json]:
    message = f"{word}() requires string inputs"

    def function(_budget: Budget, value: Json, affix: Json) -> Json:
        text, wanted = _string(value, message), _string(affix, message)
        return text.removeprefix(wanted) if start else text.removesuffix(wanted)

    return function


def _affix(word: str, test: Callable[[str, str], bool]) -> Callable[..., bool]:
    message = f"{word}() requires string inputs"
    return lambda _budget, value, affix: test(_string(value, message), _string(affix, message))


def _text(word: str, change: Callable[[str], Json]) -> Callable[..., Json]:
    return lambda _budget, value: change(_string(value, f"{word} input must be a string"))


def _split(budget: Budget, value: Json, separator: Json) -> Json:
    message = "split input and separator must be strings"
    return split(_string(value, message), _string(separator, message), budget)


def _math(compute: Callable[[float], float]) -> Callable[..., Json]:
    def function(_budget: Budget, value: Json) -> Json:
        if not is_number(value):
            raise JqError(f"{shown(value)} number required")
        try:
            return number(compute(value))
        except ValueError as error:
            raise JqError(f"{shown(value)} has no such result") from error

    return function


def _round(value: float) -> float:
    return math.copysign(math.floor(abs(value) + 0.5), value)  # halves away from zero; Python rounds them to even


def _implode(_budget: Budget, value: Json) -> str:
    try:
        return "".join(chr(code) for code in _array(value, "cannot be imploded"))
    except (TypeError, ValueError, OverflowError) as error:
        raise JqError("Invalid codepoint literal") from error


def _getpath(_budget: Budget, value: Json, path: Json) -> Json:
    for key in _array(path, "is not a path"):
        value = index(value, key) if value is not None else None
    return value


def _abs(_budget: Budget, value: Json) -> Json:
    if not less(value, 0):
        return value
    if not is_number(value):
        raise JqError(f"{shown(value)} cannot be negated")
    return number(-value)


def _error(_budget: Budget, value: Json, *message: Json) -> NoReturn:
    raise JqError(message[0] if message else value)


def _test(budget: Budget, value: Json, pattern: Json, flags: Json = None) -> bool:
    if not isinstance(value, str) or not isinstance(pattern, str):
        raise JqError(f"{shown(value)} cannot be matched, as it is not a string")
    return matches(pattern, value, flags or "", budget)


BUILTINS: dict[tuple[str, int], Callable[..., Any]] = {
    ("not", 0): lambda _budget, value: not truthy(value),
    ("type", 0): lambda _budget, value: type_name(value),
    ("length", 0): _length,
    ("utf8bytelength", 0): _text("utf8bytelength", lambda text: len(text.encode())),
    ("keys", 0): lambda budget, value: sorted(_keys_unsorted(budget, value)),
    ("keys_unsorted", 0): _keys_unsorted,
    ("has", 1): _has,
    ("in", 1): lambda budget, value, target: _has(budget, target, value),
    ("contains", 1): _contains,
    ("inside", 1): lambda budget, value, whole: _contains(budget, whole, value),
    ("indices", 1): _indices,
    ("index", 1): _at(0),
    ("rindex", 1): _at(-1),
    ("add", 0): _add,
    ("join", 1): _join,
    ("flatten", 0): _flatten,
    ("flatten", 1): _flatten,
    ("reverse", 0): _reverse,
    ("unique", 0): _unique,
    ("sort", 0): _grow,
    ("min", 0): _extreme(largest=False),
    ("max", 0): _extreme(largest=True),
    ("first", 0): lambda _budget, value: index(value, 0),
    ("last", 0): lambda _budget, value: index(value, -1),
    ("nth", 1): lambda _budget, value, position: index(value, position),
    ("transpose", 0): _transpose,
    ("to_entries", 0): to_entries,
    ("from_entries", 0): from_entries,
    ("getpath", 1): _getpath,
    ("tostring", 0): _tostring,
    ("tojson", 0): _tojson,
    ("fromjson", 0): _fromjson,
    ("tonumber", 0): _tonumber,
    ("split", 1): _split,
    ("test", 1): _test,
    ("test", 2): _test,
    ("startswith", 1): _affix("startswith", str.startswith),
    ("endswith", 1): _affix("endswith", str.endswith),
    ("ltrimstr", 1): _trim("startswith", start=True),
    ("rtrimstr", 1): _trim("endswith", start=False),
    ("trim", 0): _text("trim", lambda text: text.strip(" \t\n\r\f\v")),
    ("ltrim", 0): _text("trim", lambda text: text.lstrip(" \t\n\r\f\v")),
    ("rtrim", 0): _text("trim", lambda text: text.rstrip(" \t\n\r\f\v")),
    ("ascii_downcase", 0): _text("explode", lambda text: text.translate(_LOWER)),
    ("ascii_upcase", 0): _text("explode", lambda text: text.translate(_UPPER)),
    ("explode", 0): _text("explode", lambda text: [ord(letter) for letter in text]),
    ("implode", 0): _implode,
    ("floor", 0): _math(math.floor),
    ("ceil", 0): _math(math.ceil),
    ("round", 0): _math(_round),
    ("sqrt", 0): _math(math.sqrt),
    ("abs", 0): _abs,
    ("error", 0): _error,
    ("error", 1): _error,
}
