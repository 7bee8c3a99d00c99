"""The nodes of a parsed expression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Identity:
    """`.`."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: Any


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """A string with interpolations."""

    parts: tuple[str | Node, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """`target.name` or `target[key]`."""

    target: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Slice:
    """`target[start:stop]`; None is open."""

    target: Node
    start: Node | None
    stop: Node | None


@dataclass(frozen=True, slots=True)
class Iterate:
    """`target[]`."""

    target: Node


@dataclass(frozen=True, slots=True)
class Pipe:
    """`left | right`."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Comma:
    """`left, right`."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator that computes: `+ - * / % == != < <= > >=`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Logical:
    """`and` or `or`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Alternative:
    """`left // right`."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Negate:
    """`-operand`."""

    operand: Node


@dataclass(frozen=True, slots=True)
class If:
    """`if condition then … else … end`."""

    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Try:
    """`try body catch handler`, or `body?` without a handler."""

    body: Node
    handler: Node | None


@dataclass(frozen=True, slots=True)
class Array:
    """`[…]`."""

    body: Node | None


@dataclass(frozen=True, slots=True)
class Object:
    """`{…}`."""

    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Bind:
    """`source as $name | body`."""

    source: Node
    name: str
    body: Node


@dataclass(frozen=True, slots=True)
class Reduce:
    """`reduce source as $name (start; update)`."""

    source: Node
    name: str
    start: Node
    update: Node


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments)`."""

    name: str
    arguments: tuple[Node, ...]
    position: int


Node: TypeAlias = (
    Identity | Literal | Variable | Text | Index | Slice | Iterate | Pipe | Comma | Binary | Logical | Alternative
    | Negate | If | Try | Array | Object | Bind | Reduce | Call
)  # fmt: skip
