"""Dotted paths into a message: `spec.agent_id`."""

from __future__ import annotations

from typing import Any


def message_at(message: Any, path: str) -> Any:
    """Return what stands at a dotted path; an unset part gives its default."""
    for name in path.split("."):
        message = getattr(message, name)
    return message


def value_at(message: Any, path: str) -> str:
    """Return the scalar at a dotted path as text; an unset part gives an empty string."""
    return str(message_at(message, path))
