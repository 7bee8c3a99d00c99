"""Dotted paths into a message: `spec.agent_id`."""

from __future__ import annotations

from typing import Any


def value_at(message: Any, path: str) -> str:
    """Return the scalar at a dotted path as text; an unset part gives an empty string."""
    for name in path.split("."):
        message = getattr(message, name)
    return str(message)
