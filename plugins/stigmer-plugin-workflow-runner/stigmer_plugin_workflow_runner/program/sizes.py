"""How large values may become: a run keeps what its tasks put out, and writes it down at every step.

A few words in a loop make a value without end: `[., .]` doubles it each time, and holds one more list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.extent import levels
from stigmer_plugin_workflow_runner.program.faults import fault

if TYPE_CHECKING:
    from stigmer_core.program import Json

LARGEST = 16 * 1024 * 1024  # characters, and 64 for each part
DEEPEST = 200  # levels; writers of JSON end at a thousand
_PART = 64  # as much as a part and its name are, written, and as the work that is done for it at each step


def within_limits(value: Json) -> Json:
    """Return a value that is not too large; what is counted ends where it is.

    Raises:
        TaskFault: it is too large or too deep, as the standard runtime error.
    """
    size_of(value)
    return value


def size_of(value: Json) -> int:
    """Return how large a value is that is not too large.

    Raises:
        TaskFault: it is too large or too deep, as the standard runtime error.
    """
    size = len(value) if isinstance(value, str) else 0
    _check(size)
    if not isinstance(value, (dict, list)):
        return size
    flat = _flat_size(value)
    if flat is not None:
        _check(flat)
        return flat
    for depth, level in enumerate(levels(value)):
        size += _PART * level.members + level.characters
        _check(size)
        if level.containers and depth >= DEEPEST:
            raise fault("runtime", f"the value is nested more than {DEEPEST} deep")
    return size


def _flat_size(value: dict[str, Json] | list[Json]) -> int | None:
    """Return the size of a list or object without others in it, as most are; None for one that has some."""
    size = _PART * len(value)
    if isinstance(value, dict):
        size += sum(map(len, value))
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, (dict, list)):
            return None
    return size


def _check(size: int) -> None:
    if size > LARGEST:
        raise fault("runtime", f"the value is larger than {LARGEST // 1024 // 1024} MB")
