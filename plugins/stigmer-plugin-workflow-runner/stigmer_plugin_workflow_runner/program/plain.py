"""Whether a value is plain JSON: YAML has more."""

from __future__ import annotations

from typing import Any

from stigmer_core.errors import Problem
from stigmer_plugin_workflow_runner.program.templates import escaped

DEEPEST = 200  # levels of a document; Python's own JSON writer ends at a thousand
_SCALARS = (str, int, float, bool, type(None))


def not_json(document: Any) -> list[Problem]:
    """Return the places of a document that JSON cannot hold: dates, keys that are no strings, endless depth."""
    problems: list[Problem] = []
    rest: list[tuple[str, int, Any]] = [("", 0, document)]
    while rest and not problems:
        pointer, depth, value = rest.pop()
        if depth > DEEPEST:
            problems.append(Problem(pointer[:200], f"the document is nested more than {DEEPEST} deep"))
        elif isinstance(value, dict):
            wrong = [name for name in value if not isinstance(name, str)]
            problems.extend(Problem(pointer, f"the key {name!r} is not a string", "put it in quotes") for name in wrong)
            rest.extend((f"{pointer}/{escaped(str(name))}", depth + 1, item) for name, item in value.items())
        elif isinstance(value, list):
            rest.extend((f"{pointer}/{at}", depth + 1, item) for at, item in enumerate(value))
        elif not isinstance(value, _SCALARS):
            problems.append(Problem(pointer, f"{value!r} is not a JSON value", "put it in quotes"))
    return problems
