"""What can be told from an expression before it is evaluated."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any

from stigmer_plugin_workflow_runner.expressions import syntax

_FRAMES = 3  # of the interpreter's stack for each node, at most
_CHOOSING = (
    syntax.Identity, syntax.Literal, syntax.Variable, syntax.Index, syntax.Slice, syntax.Pipe, syntax.Logical,
    syntax.Alternative, syntax.If, str, type(None), bool,
)  # fmt: skip


def height(node: Any) -> int:
    """Return how many frames of the stack the evaluation of a node takes, without the bodies of what it calls."""
    if isinstance(node, tuple):
        return len(node) + max(map(height, node), default=0)
    if not is_dataclass(node):
        return 0
    return _FRAMES + max((height(getattr(node, part.name)) for part in fields(node)), default=0)


def chooses(node: Any) -> bool:
    """Return whether what an expression makes is a part of what it is given, so that nobody need look at its size."""
    if isinstance(node, tuple) or not isinstance(node, _CHOOSING):
        return False
    if isinstance(node, syntax.Literal):
        return not isinstance(node.value, float) or isfinite(node.value)
    if not is_dataclass(node):
        return True
    return all(chooses(getattr(node, part.name)) for part in fields(node))
