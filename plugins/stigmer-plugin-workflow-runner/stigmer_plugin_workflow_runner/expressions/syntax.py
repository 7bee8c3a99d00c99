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
    """A string with interpolations, each written in a format such as `base64`."""

    parts: tuple[str | Node, ...]
    format: str = "text"


@dataclass(frozen=True, slots=True)
class Format:
    """`@name` alone."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`target.name` or `target[key]`; with a `?` right after it, what cannot be indexed makes nothing."""

    target: Node
    key: Node
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """`target[start:stop]`; None is open."""

    target: Node
    start: Node | None
    stop: Node | None
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Iterate:
    """`target[]`."""

    target: Node
    is_optional: bool = False


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
class Assign:
    """`target = value`, `target |= value`, or with an operator before the `=`."""

    operator: str
    target: Node
    value: Node


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
class Elements:
    """The pattern `[first, second]`."""

    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """The pattern `{name: pattern}`; a key that is a Variable is bound as well, and then may have no pattern."""

    entries: tuple[tuple[Node, Pattern | None], ...]


@dataclass(frozen=True, slots=True)
class Bind:
    """`source as pattern ?// pattern | body`."""

    source: Node
    patterns: tuple[Pattern, ...]
    body: Node


@dataclass(frozen=True, slots=True)
class Reduce:
    """`reduce source as pattern (start; update)`."""

    source: Node
    patterns: tuple[Pattern, ...]
    start: Node
    update: Node


@dataclass(frozen=True, slots=True)
class Foreach:
    """`foreach source as pattern (start; update; extract)`."""

    source: Node
    patterns: tuple[Pattern, ...]
    start: Node
    update: Node
    extract: Node


@dataclass(frozen=True, slots=True)
class Label:
    """`label $name | body`."""

    name: str
    body: Node


@dataclass(frozen=True, slots=True)
class Break:
    """`break $name`."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Define:
    """`def name(parameters): body; rest`; a parameter that starts with `$` takes values."""

    name: str
    parameters: tuple[str, ...]
    body: Node
    rest: Node


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments)`."""

    name: str
    arguments: tuple[Node, ...]
    position: int


Pattern: TypeAlias = Variable | Elements | Fields
Node: TypeAlias = (
    Identity | Literal | Variable | Text | Format | Index | Slice | Iterate | Pipe | Comma | Binary | Logical
    | Alternative | Assign | Negate | If | Try | Array | Object | Bind | Reduce | Foreach | Label | Break | Define
    | Call
)  # fmt: skip
