"""Whether a value is plain JSON: YAML has more."""

from __future__ import annotations

from typing import Any

from stigmer_core.errors import Problem
from stigmer_plugin_workflow_runner.program.templates import escaped

DEEPEST = 200  # levels of a document; Python's own JSON writer ends at a thousand
LARGEST = 1_000_000  # characters of the texts and names in a document
MOST_VALUES = 50_000  # in all lists and objects of a document
_HINT = "give what is large as input"
_SCALARS = (str, int, float, bool, type(None))


def not_json(document: Any) -> list[Problem]:
    """Return the places of a document that JSON cannot hold: dates, keys that are no strings, endless depth."""
    problems: list[Problem] = []
    size = count = 0
    rest: list[tuple[str, int, Any]] = [("", 0, document)]
    while rest and not problems and size <= LARGEST:
        pointer, depth, value = rest.pop()
        count += len(value) if isinstance(value, (dict, list)) else 0
        if depth > DEEPEST:
            problems.append(Problem(pointer[:200], f"the document is nested more than {DEEPEST} deep"))
        elif count > MOST_VALUES:
            problems.append(Problem("", f"the document has more than {MOST_VALUES} values", _HINT))
        elif isinstance(value, dict):
            size += sum(len(str(name)) for name in value)
            wrong = [name for name in value if not isinstance(name, str)]
            problems.extend(Problem(pointer, f"the key {name!r} is not a string", "put it in quotes") for name in wrong)
            rest.extend((f"{pointer}/{escaped(str(name))}", depth + 1, item) for name, item in value.items())
        elif isinstance(value, list):
            rest.extend((f"{pointer}/{at}", depth + 1, item) for at, item in enumerate(value))
        elif isinstance(value, str):
            size += len(value)
        elif not isinstance(value, _SCALARS):
            problems.append(Problem(pointer, f"{value!r} is not a JSON value", "put it in quotes"))
    if size > LARGEST and not problems:
        problems.append(Problem("", f"the document has more than {LARGEST} characters", _HINT))
    return problems
