"""How much work a JSON schema can make of a value.

A schema of a few lines can ask for more steps than there is time: definitions that refer to the next one twice, or a
recursion that goes down twice. The work is bounded before it is done, from the schema's subschemas and from how deep
and how large the value is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import Problem
from stigmer_plugin_workflow_runner.program.templates import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stigmer_core.program import Json

MOST_SUBSCHEMAS = 5_000
MOST_WORK = 5_000_000  # subschemas applied to parts of a value; takes about half a second
DEEPEST_VALUE = 200  # levels; far below what the validator's own stack bears
_STRING_SHARE = 100  # characters that are as much work as one more part
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_REFERENCE_HINT = "such as '#/$defs/name', inside the schema: nothing is fetched"
_HERE = ("not", "if", "then", "else")
_HERE_LISTS = ("allOf", "anyOf", "oneOf")
_HERE_MAPS = ("dependentSchemas", "dependencies")
_INSIDE = (
    "additionalProperties",
    "unevaluatedProperties",
    "items",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "propertyNames",
)


@dataclass(slots=True)
class _Node:
    """A subschema: what it applies to the same value, to each part of it, and to one part or another."""

    here: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)
    either: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SchemaCost:
    """The subschemas that are reached from the root, those that are applied before others first."""

    nodes: Mapping[str, _Node]
    order: Sequence[str]
    levels: list[dict[str, int]] = field(default_factory=list)

    def is_bearable(self, value: Json) -> bool:
        """Return whether a value can be checked in the time there is."""
        depth, size = measured(value)
        return depth <= DEEPEST_VALUE and size * self._most(depth) <= MOST_WORK

    def _most(self, depth: int) -> int:
        """Return how many subschemas one place of a value of this depth can meet, with all places above it."""
        while len(self.levels) <= depth and not self._is_settled():
            below = self.levels[-1] if self.levels else {}
            self.levels.append(self._level(below))
        return self.levels[min(depth, len(self.levels) - 1)][""]

    def _is_settled(self) -> bool:
        return len(self.levels) > 1 and self.levels[-1] == self.levels[-2]

    def _level(self, below: Mapping[str, int]) -> dict[str, int]:
        found: dict[str, int] = {}
        for pointer in self.order:
            node = self.nodes[pointer]
            work = 1 + sum(found[other] for other in node.here)
            work += sum(below.get(other, 0) for other in node.inside)
            work += max((below.get(other, 0) for other in node.either), default=0)
            found[pointer] = min(work, MOST_WORK + 1)
        return found


def measured(value: Json) -> tuple[int, int]:
    """Return how deep a value is, and how large: its parts, and a share of its strings."""
    deepest, size = -1, 0
    rest: list[tuple[int, Json]] = [(0, [value])]
    while rest:
        depth, collection = rest.pop()
        size += len(collection)
        deepest = max(deepest, depth - 1)
        for part in collection.values() if isinstance(collection, dict) else collection:
            if isinstance(part, (dict, list)):
                rest.append((depth + 1, part))
            elif isinstance(part, str):
                size += len(part) // _STRING_SHARE
    return deepest + 1, size


def cost_of(schema: Json) -> tuple[SchemaCost | None, list[Problem]]:
    """Return the cost of a schema, or what keeps it from being used: references that lead elsewhere or in a circle."""
    nodes: dict[str, _Node] = {}
    problems: list[Problem] = []
    anchors = _anchors(schema)
    rest = [""]
    while rest and not problems:
        pointer = rest.pop()
        if pointer in nodes:
            continue
        node = nodes[pointer] = _node(schema, pointer, anchors, problems)
        rest.extend((*node.here, *node.inside, *node.either))
        if len(nodes) > MOST_SUBSCHEMAS:
            problems.append(Problem("", f"the schema has more than {MOST_SUBSCHEMAS} parts"))
    if problems:
        return None, problems
    order, circle = _ordered(nodes)
    if circle is not None:
        return None, [Problem(circle, "the schema refers to itself in a circle")]
    return SchemaCost(nodes, order), []


def _node(schema: Json, pointer: str, anchors: Mapping[str, list[str]], problems: list[Problem]) -> _Node:
    node, part = _Node(), found_at(schema, pointer)
    if not isinstance(part, dict):
        return node
    if pointer and "$id" in part:
        problems.append(Problem(f"{pointer}/$id", "a part of a schema cannot have an '$id' of its own"))
    for key in _REFERENCES:
        if key in part:
            targets = _targets(schema, part[key], anchors)
            node.here.extend(targets)
            if not targets:
                problems.append(Problem(f"{pointer}/{key}", f"the schema has no {part[key]!r}", _REFERENCE_HINT))
    node.here.extend(f"{pointer}/{key}" for key in _HERE if key in part)
    node.here.extend(place for key in _HERE_LISTS for place in _children(part, key, pointer, list))
    node.here.extend(place for key in _HERE_MAPS for place in _children(part, key, pointer, dict))
    node.inside.extend(f"{pointer}/{key}" for key in _INSIDE if isinstance(part.get(key), dict))
    node.inside.extend(_children(part, "patternProperties", pointer, dict))
    node.either.extend(_children(part, "properties", pointer, dict))
    node.either.extend(place for key in ("prefixItems", "items") for place in _children(part, key, pointer, list))
    return node


def _children(part: dict[str, Json], key: str, pointer: str, kind: type[Any]) -> Iterator[str]:
    value: Any = part.get(key)
    if isinstance(value, kind):
        names = value if isinstance(value, dict) else map(str, range(len(value)))
        yield from (f"{pointer}/{escaped(key)}/{escaped(str(name))}" for name in names)


def _targets(schema: Json, reference: Json, anchors: Mapping[str, list[str]]) -> list[str]:
    if not isinstance(reference, str) or not reference.startswith("#"):
        return []
    target = reference[1:]
    if target and not target.startswith("/"):
        return anchors.get(target, [])
    return [] if found_at(schema, target) is None else [target]


def _anchors(schema: Json) -> Mapping[str, list[str]]:
    """Return the places of a schema that have a name."""
    found: dict[str, list[str]] = {}
    rest: list[tuple[str, Json]] = [("", schema)]
    while rest:
        pointer, part = rest.pop()
        if isinstance(part, dict):
            for name in (part.get("$anchor"), part.get("$dynamicAnchor")):
                if isinstance(name, str):
                    found.setdefault(name, []).append(pointer)
            rest.extend((f"{pointer}/{escaped(key)}", item) for key, item in part.items())
        elif isinstance(part, list):
            rest.extend((f"{pointer}/{at}", item) for at, item in enumerate(part))
    return found


def found_at(value: Any, pointer: str) -> Json:
    """Return what a JSON pointer leads to, None when it leads nowhere."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _ordered(nodes: Mapping[str, _Node]) -> tuple[list[str], str | None]:
    """Return the nodes, each after those that it applies to the same value; or one that applies itself."""
    order: list[str] = []
    state: dict[str, bool] = {}  # False while what a node applies is being looked at
    for start in nodes:
        rest = [(start, False)]
        while rest:
            pointer, is_left = rest.pop()
            if is_left:
                state[pointer] = True
                order.append(pointer)
            elif pointer not in state:
                state[pointer] = False
                rest.append((pointer, True))
                for other in nodes[pointer].here:
                    if state.get(other) is False:
                        return order, other
                    rest.append((other, False))
    return order, None
