"""What cannot be translated, at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from stigmer_core.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence


class UntranslatableError(Exception):
    """A workflow that cannot run as it is; `problems` say where and what."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


def refuse(pointer: str, message: str, hint: str = "") -> NoReturn:
    """Refuse a workflow for one reason.

    Raises:
        UntranslatableError: always.
    """
    raise UntranslatableError([Problem(pointer, message, hint)])
