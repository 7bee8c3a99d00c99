"""Who may see a resource: the levels of a kind, and which is wider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.commons.apiresource.enum_pb2 import ApiResourceVisibility

from stigmer_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    from stigmer_core.kind import Kind

_WIDTH = ("visibility_private", "visibility_org", "visibility_platform")


def level_name(level: int) -> str:
    """Return the level's name in the API."""
    return str(ApiResourceVisibility.Name(level))  # type: ignore[arg-type]


def level_number(name: str) -> int:
    """Return the level's number in the API."""
    return int(ApiResourceVisibility.Value(name))


def width(level: int) -> int:
    """Return how many see it, as a rank; an unspecified level is private."""
    name = level_name(level)
    return _WIDTH.index(name) if name in _WIDTH else 0


def require_level(kind: Kind, level: int) -> int:
    """Return the level to store: the kind's default when it is unspecified.

    Raises:
        InvalidArgumentError: the kind has no such level.
    """
    if level == 0:
        return level_number(kind.default_visibility)
    name = level_name(level)
    if name not in kind.visibility_levels:
        supported = ", ".join(kind.visibility_levels)
        raise InvalidArgumentError(
            f"{kind.label()} resources cannot be set to {name}. Supported visibility levels: {supported}"
        )
    return level
