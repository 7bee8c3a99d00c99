"""How large values may become: a run keeps what its tasks put out, and writes it down at every step.

A few words in a loop make a value without end: `[., .]` doubles it each time, and holds one more list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    size, level, depth = 0, [value], 0
    while level:
        below: list[Json] = []
        for part in level:
            if isinstance(part, str):
                size += len(part)
            elif isinstance(part, dict):
                size += _PART * len(part)
                below.extend(part.values())
            elif isinstance(part, list):
                size += _PART * len(part)
                below.extend(part)
            if size > LARGEST:
                raise fault("runtime", f"the value is larger than {LARGEST // 1024 // 1024} MB")
        level, depth = below, depth + 1
        if depth > DEEPEST:
            raise fault("runtime", f"the value is nested more than {DEEPEST} deep")
    return value
