"""Secrets in a program: it knows their shapes, and marks in the place of their values.

`$secrets.token` is a mark, a text that says which value belongs here. Marks go into the arguments of activities, where
`filled` puts the values in, outside of the state, the journal and every event. A mark can be joined with other text,
and compared with nothing: no expression ever sees a value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json

# Characters of a private-use plane, which no document has by accident.
_OPEN, _CLOSE = "\U000f57e1", "\U000f57e2"
_MARK = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}")
HIDDEN = "***REDACTED***"


def marks(shapes: Mapping[str, Json]) -> dict[str, Json]:
    """Return the value of `$secrets`: a mark in the place of every value.

    Args:
        shapes: by the secret's name; an object for one with parts, a list likewise, None for a single value.
    """
    return {name: _marked(shape, name) for name, shape in shapes.items()}


def filled(value: Json, secrets: Mapping[str, Json]) -> Json:
    """Return a value with the secrets in the place of their marks.

    Raises:
        KeyError: there is no such secret.
    """
    if isinstance(value, dict):
        return {filled(key, secrets): filled(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, secrets) for item in value]
    if not isinstance(value, str) or _OPEN not in value:
        return value
    whole = _MARK.fullmatch(value)
    if whole is not None:
        return _value_at(whole.group(1), secrets)
    return _MARK.sub(lambda match: str(_value_at(match.group(1), secrets)), value)


def hidden(value: Json) -> Json:
    """Return a value that anybody may see: marks are replaced, as no value belongs into an output."""
    if isinstance(value, dict):
        return {key: hidden(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hidden(item) for item in value]
    return _MARK.sub(HIDDEN, value) if isinstance(value, str) and _OPEN in value else value


def named(value: Json) -> set[str]:
    """Return the names of the secrets whose marks a value has."""
    if isinstance(value, dict):
        return {name for key, item in value.items() for name in named(key) | named(item)}
    if isinstance(value, list):
        return {name for item in value for name in named(item)}
    if not isinstance(value, str) or _OPEN not in value:
        return set()
    return {match.group(1).partition("/")[0] for match in _MARK.finditer(value)}


def _marked(shape: Json, path: str) -> Json:
    if isinstance(shape, dict):
        return {key: _marked(item, f"{path}/{_escaped(key)}") for key, item in shape.items()}
    if isinstance(shape, list):
        return [_marked(item, f"{path}/{at}") for at, item in enumerate(shape)]
    return f"{_OPEN}{path}{_CLOSE}"


def _value_at(path: str, secrets: Mapping[str, Json]) -> Json:
    name, *tokens = path.split("/")
    value: Any = secrets[name]
    for token in tokens:
        value = value[int(token)] if isinstance(value, list) else value[_unescaped(token)]
    return value


def _escaped(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")


def _unescaped(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")
