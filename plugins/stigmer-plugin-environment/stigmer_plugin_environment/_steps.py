"""What makes environments and execution contexts special."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_core.errors import AlreadyExistsError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core import Change, Draft

_MOST_VARIABLES = 1_000
_LONGEST_NAME = 255


def check_names(draft: Draft) -> Sequence[Problem]:
    """Return what is wrong with the names of variables: what no process environment could hold, and too many."""
    names = list(draft.resource.spec.data)
    problems = [
        Problem(_pointer(name), f"{name!r} cannot be the name of a variable", "1 to 255 characters, no = and no NUL")
        for name in sorted(names)
        if not 0 < len(name) <= _LONGEST_NAME or "=" in name or "\0" in name
    ]
    if len(names) > _MOST_VARIABLES:
        problems.append(Problem("/spec/data", f"has {len(names)} variables, at most {_MOST_VARIABLES} are taken"))
    return problems


def refuse_change(change: Change) -> None:
    """Refuse to write an execution context a second time (a `before_write` step).

    Raises:
        AlreadyExistsError: always on an update: what a run was given does not change.
    """
    if change.old is not None:
        metadata = change.old.metadata
        raise AlreadyExistsError(
            f"{change.kind.label()} already exists: slug '{metadata.slug}' in org '{metadata.org}'"
            f" (id: {metadata.id}); it does not change",
            resource_id=metadata.id,
        )


def _pointer(name: str) -> str:
    return f"/spec/data/{name.replace('~', '~0').replace('/', '~1')}"
