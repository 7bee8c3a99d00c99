"""How large a document may be, found out before anything is made of it: that takes a second for a large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_core.errors import InvalidArgumentError, Problem

if TYPE_CHECKING:
    from stigmer_core.program import Json

MOST_TASKS = 2_500  # in the document's own list; those inside of tasks are counted by the runner
MOST_VALUES = 50_000  # in all lists and objects


def too_large(tasks: int, pointer: str) -> list[Problem]:
    """Return the problem of a list of so many tasks, if it is one."""
    if tasks <= MOST_TASKS:
        return []
    return [Problem(pointer, f"the workflow has more than {MOST_TASKS} tasks", "run parts of it as workflows")]


def require_bearable(document: dict[str, Json]) -> None:
    """Check how much a DSL document is.

    Raises:
        InvalidArgumentError: too many tasks, or too many values.
    """
    tasks = document.get("do")
    problems = too_large(len(tasks) if isinstance(tasks, list) else 0, "/do")
    if not problems and _has_too_many(document):
        text = f"the document has more than {MOST_VALUES} values"
        problems = [Problem("", text, "give what is large as input")]
    if problems:
        raise InvalidArgumentError(f"the document is too large: {problems[0]}", problems=problems)


def _has_too_many(document: Json) -> bool:
    rest, count = [document], 0
    while rest and count <= MOST_VALUES:
        value = rest.pop()
        count += len(value)
        if count <= MOST_VALUES:
            members = value.values() if isinstance(value, dict) else value
            rest.extend(member for member in members if isinstance(member, (dict, list)))
    return count > MOST_VALUES
