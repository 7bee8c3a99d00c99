"""What goes wrong in an expression: when it is read, and when it is evaluated."""

from __future__ import annotations

from typing import Any

from stigmer_plugin_workflow_runner.expressions.values import brief

LONGEST = 10_000  # characters of what is told of an error


class UnsupportedExpressionError(ValueError):
    """The text is not jq, or is outside the part of jq that this version compiles; `position` counts characters."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class JqError(Exception):
    """An error inside an expression, which `try` and `?` catch; `value` is what `catch` sees."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value

    def __str__(self) -> str:
        """Return what is told when nothing catches it: its start, for the value may be large."""
        if isinstance(self.value, str):
            return self.value[:LONGEST]
        return f"{brief(self.value)} (not a string)"


class BreakError(Exception):
    """`break $name` on its way to its `label $name`; `try` does not stop it."""

    def __init__(self, label: object) -> None:
        super().__init__("break")
        self.label = label
