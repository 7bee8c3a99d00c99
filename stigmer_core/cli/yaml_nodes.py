"""YAML 1.2 text to JSON values with the place of each: what PyYAML's own constructor forgets or allows.

Built from the parser's events and not from its nodes: libyaml composes those recursively, and without their aliases.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stigmer_core.program import Json

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # pragma: no cover - a PyYAML without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

MAX_DEPTH = 64
_TOO_DEEP = f"more than {MAX_DEPTH} levels"

# The core schema of YAML 1.2, section 10.3.2: `on`, `yes`, `1e3x`, dates and sexagesimals are text.
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MAX_DIGITS = 4_000
_STRING_TAGS = ("!", "tag:yaml.org,2002:str")


class Place(NamedTuple):
    """Where a key and its value stand; lines and columns count from 1."""

    key: tuple[int, int] | None
    value: tuple[int, int]
    is_collection: bool


class YamlError(Exception):
    """The text is not the YAML that a manifest may be."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


class YamlDocument(NamedTuple):
    """A document's value, and the places of its parts by JSON pointer."""

    value: Json
    places: dict[str, Place]


def yaml_documents(text: str) -> Iterator[YamlDocument]:
    """Yield the documents of a text, but the empty ones.

    Raises:
        YamlError: it is no YAML, or has anchors, aliases, tags, equal keys, or more than 64 levels.
    """
    try:
        events = yaml.parse(text, Loader=SafeLoader)
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                builder = _Builder(events)
                value = builder.value("", None, 0)
                if value is not None:
                    yield YamlDocument(value, builder.places)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlError(_said(error.problem or "", text, line, column), line, column) from error
    except yaml.YAMLError as error:
        raise YamlError(str(error).split("\n", maxsplit=1)[0], *_place_of(error, text)) from error


def escaped(key: str) -> str:
    """Return a key as a part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


class _Builder:
    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self.places: dict[str, Place] = {}

    def value(self, pointer: str, key: tuple[int, int] | None, depth: int) -> Json:
        return self._value_of(next(self._events), pointer, key, depth)

    def _value_of(self, event: Any, pointer: str, key: tuple[int, int] | None, depth: int) -> Json:
        _refuse_sharing(event)
        is_scalar = isinstance(event, yaml.ScalarEvent)
        self.places[pointer] = Place(key, _start(event), not is_scalar)
        if is_scalar:
            return _scalar(event)
        if depth >= MAX_DEPTH:
            raise YamlError(_TOO_DEEP, *_start(event))
        if event.tag is not None and event.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            raise YamlError(f"the tag {event.tag} is not allowed", *_start(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(pointer, depth)
        return self._sequence(pointer, depth)

    def _mapping(self, pointer: str, depth: int) -> Json:
        mapping: dict[str, Json] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            _refuse_sharing(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise YamlError("a key must be text", *_start(event))
            key: str = event.value
            if key in mapping:
                raise YamlError(f"the key {key!r} is there twice", *_start(event))
            mapping[key] = self.value(f"{pointer}/{escaped(key)}", _start(event), depth + 1)
        return mapping

    def _sequence(self, pointer: str, depth: int) -> Json:
        sequence: list[Json] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            sequence.append(self._value_of(event, f"{pointer}/{len(sequence)}", None, depth + 1))
        return sequence


def _refuse_sharing(event: Any) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise YamlError(f"the alias *{event.anchor} is not allowed: write the value out", *_start(event))
    if event.anchor is not None:
        raise YamlError(f"the anchor &{event.anchor} is not allowed: write the value out", *_start(event))


def _scalar(event: Any) -> Json:
    text: str = event.value
    if event.tag is not None and event.tag not in _STRING_TAGS:
        raise YamlError(f"the tag {event.tag} is not allowed", *_start(event))
    if event.tag is not None or event.style:  # libyaml calls the plain style "", the loader in Python None
        return text
    if _NULL.fullmatch(text):
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _NOT_JSON.fullmatch(text):
        raise YamlError(f"{text} is no number that JSON has: put it in quotes", *_start(event))
    return _number(event) if _INTEGER.fullmatch(text) or _BASED.fullmatch(text) or _FLOAT.fullmatch(text) else text


def _number(event: Any) -> Json:
    text: str = event.value
    if len(text) > _MAX_DIGITS:
        raise YamlError("the number is too long: put it in quotes", *_start(event))
    if _BASED.fullmatch(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if _INTEGER.fullmatch(text):
        return int(text)
    number = float(text)
    if math.isinf(number):
        raise YamlError(f"{text} is too large: put it in quotes", *_start(event))
    return number


def _start(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _said(problem: str, text: str, line: int, column: int) -> str:
    """Return what the parser found, with what would be right where it does not say so."""
    if "nesting depth" in problem:  # libyaml's own limit, met while it looks ahead
        return _TOO_DEEP
    if "cannot start any token" in problem:
        found = text.split("\n", line)[line - 1][column - 1 : column]
        return "a tab cannot indent: use spaces" if found == "\t" else f"{found} cannot start a value: put it in quotes"
    if "mapping values are not allowed" in problem:
        return "a colon is not allowed here: put a text with one in quotes"
    return problem or "is not YAML"


def _place_of(error: yaml.YAMLError, text: str) -> tuple[int, int]:
    position = getattr(error, "position", None)
    if not isinstance(position, int):
        return 1, 1
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
