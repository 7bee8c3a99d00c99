"""The functions of strings."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.formats import as_json, as_text, formatted
from stigmer_plugin_workflow_runner.expressions.operators import split
from stigmer_plugin_workflow_runner.expressions.pattern import found_matches, matches
from stigmer_plugin_workflow_runner.expressions.values import Json, is_number, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_plugin_workflow_runner.expressions.budget import Budget

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_MOST_DIGITS = 300
_SPACE = " \t\n\r\f\v"
_UPPER = {ord(letter): ord(letter.upper()) for letter in "abcdefghijklmnopqrstuvwxyz"}
_LOWER = {upper: lower for lower, upper in _UPPER.items()}


def _string(value: Json, message: str) -> str:
    if not isinstance(value, str):
        raise JqError(message)
    return value


def _from_json(budget: Budget, value: Json) -> Json:
    text = _string(value, f"{shown(value)} only strings can be parsed")
    budget.copy(len(text) * 4)
    if text.strip(_SPACE) == "nan":
        return math.nan
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise JqError(f"{error} (while parsing '{text[:100]}')") from error
    budget.walk(found)
    return found


def _to_number(_budget: Budget, value: Json) -> Json:
    if is_number(value):
        return value
    if isinstance(value, str):
        if value == "nan":
            return math.nan
        if value.isascii() and value.isdigit() and len(value) < _MOST_DIGITS:
            return int(value)
        if _NUMBER.fullmatch(value):
            return float(value)
    raise JqError(f"{shown(value)} cannot be parsed as a number")


def _to_boolean(_budget: Budget, value: Json) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise JqError(f"{shown(value)} cannot be parsed as a boolean")


def _without(*, start: bool, end: bool) -> Callable[..., Json]:
    message = f"{'startswith' if start else 'endswith'}() requires string inputs"

    def function(budget: Budget, value: Json, affix: Json) -> Json:
        text, wanted = _string(value, message), _string(affix, message)
        budget.copy(len(text))
        text = text.removeprefix(wanted) if start else text
        return text.removesuffix(wanted) if end else text

    return function


def _affix(word: str, test: Callable[[str, str], bool]) -> Callable[..., bool]:
    message = f"{word}() requires string inputs"

    def function(budget: Budget, value: Json, affix: Json) -> bool:
        text, wanted = _string(value, message), _string(affix, message)
        budget.copy(len(wanted))
        return test(text, wanted)

    return function


def _text(message: str, change: Callable[[str], Json]) -> Callable[..., Json]:
    def function(budget: Budget, value: Json) -> Json:
        text = _string(value, message)
        budget.copy(len(text))
        return change(text)

    return function


def _byte_length(budget: Budget, value: Json) -> int:
    text = _string(value, f"{shown(value)} only strings have UTF-8 byte length")
    budget.copy(len(text))
    return len(text.encode())


def _explode(budget: Budget, value: Json) -> list[Json]:
    text = _string(value, "explode input must be a string")
    budget.spend(len(text) // 4)
    return [ord(letter) for letter in text]


def _implode(budget: Budget, value: Json) -> str:
    if not isinstance(value, list):
        raise JqError("implode input must be an array")
    budget.spend(len(value) // 4)
    return "".join(map(_letter, value))


def _letter(code: Json) -> str:
    if not is_number(code) or math.isnan(code):
        raise JqError(f"{shown(code)} can't be imploded, unicode codepoint needs to be numeric")
    try:
        letter = chr(int(code))
        letter.encode()
    except (ValueError, OverflowError):  # no character, or half of one
        return "\ufffd"
    return letter


def _split(budget: Budget, value: Json, separator: Json) -> Json:
    message = "split input and separator must be strings"
    return split(_string(value, message), _string(separator, message), budget)


def _error(_budget: Budget, value: Json, *message: Json) -> NoReturn:
    raise JqError(message[0] if message else value)


def _match(budget: Budget, value: Json, pattern: Json, flags: Json, only_test: Json) -> Json:
    if not isinstance(value, str):
        raise JqError(f"{shown(value)} cannot be matched, as it is not a string")
    if not isinstance(pattern, str):
        raise JqError(f"{shown(pattern)} cannot be matched, as it is not a string")
    if flags is not None and not isinstance(flags, str):
        raise JqError(f"{shown(flags)} is not a string")
    if only_test:
        return matches(pattern, value, flags or "", budget)
    return found_matches(pattern, value, flags or "", budget)


STRINGS: dict[tuple[str, int], Callable[..., Any]] = {
    ("utf8bytelength", 0): _byte_length,
    ("tostring", 0): as_text,
    ("tojson", 0): as_json,
    ("fromjson", 0): _from_json,
    ("tonumber", 0): _to_number,
    ("toboolean", 0): _to_boolean,
    ("format", 1): formatted,
    ("split", 1): _split,
    ("startswith", 1): _affix("startswith", str.startswith),
    ("endswith", 1): _affix("endswith", str.endswith),
    ("ltrimstr", 1): _without(start=True, end=False),
    ("rtrimstr", 1): _without(start=False, end=True),
    ("trimstr", 1): _without(start=True, end=True),
    ("trim", 0): _text("trim input must be a string", lambda text: text.strip(_SPACE)),
    ("ltrim", 0): _text("trim input must be a string", lambda text: text.lstrip(_SPACE)),
    ("rtrim", 0): _text("trim input must be a string", lambda text: text.rstrip(_SPACE)),
    ("ascii_downcase", 0): _text("explode input must be a string", lambda text: text.translate(_LOWER)),
    ("ascii_upcase", 0): _text("explode input must be a string", lambda text: text.translate(_UPPER)),
    ("explode", 0): _explode,
    ("implode", 0): _implode,
    ("error", 0): _error,
    ("error", 1): _error,
    ("_match", 3): _match,
}
