"""How much work one evaluation may do."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

from stigmer_plugin_workflow_runner.expressions.extent import levels
from stigmer_plugin_workflow_runner.expressions.failure import JqError

if TYPE_CHECKING:
    from collections.abc import Iterable

STEPS = 300_000  # at most half a second of pure Python; a larger job belongs into an activity
DEEPEST = 4_000  # frames of nested calls; the stack of a thread ends somewhere over 15,000
NESTED = 500  # levels of a value; JSON writers end somewhere under a thousand
VALUES_PER_STEP = 4
_SMALL = 8  # values of a list or object that is read on a short cut
CHARACTERS_PER_STEP = 64  # copying is that much cheaper than a step of evaluation


class BudgetExceededError(Exception):
    """The evaluation took more steps than it may; `try` does not catch it."""


class Budget:
    """The steps that are left. Values count as steps too, so that memory is bounded along with time."""

    __slots__ = ("left",)

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Take steps.

        Raises:
            BudgetExceededError: there are not that many.
        """
        self.left -= steps
        if self.left < 0:
            raise BudgetExceededError("the expression takes too many steps")

    def copy(self, count: int) -> None:
        """Take the steps for copying so many characters or references."""
        self.spend(count // CHARACTERS_PER_STEP)

    def enter(self, depth: int) -> None:
        """Take the step of a call, after which so many nodes are under way.

        Raises:
            BudgetExceededError: calls are nested too deeply.
        """
        self.spend()
        if depth > DEEPEST:
            raise BudgetExceededError("the expression calls itself too deeply")

    def walk(self, value: Any) -> None:
        """Take the steps for reading the whole of a value, however often a part is shared.

        Raises:
            BudgetExceededError: there are not that many.
            JqError: the value is nested too deeply to be read.
        """
        if not isinstance(value, (list, dict)):
            self.copy(len(value) if isinstance(value, str) else 0)
            return
        if len(value) <= _SMALL and not any(isinstance(item, (list, dict, str)) for item in _members(value)):
            self.spend(1 + len(value) // VALUES_PER_STEP)
            return
        for depth, level in enumerate(levels(value)):
            if level.containers and depth > NESTED:
                raise JqError("the value is nested too deeply")
            self.spend(level.containers + level.members // VALUES_PER_STEP + level.characters // CHARACTERS_PER_STEP)


def _members(value: list[Any] | dict[str, Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


class Meter:
    """Counts the steps that evaluations take inside of it, together."""

    __slots__ = ("_token", "steps")

    def __init__(self) -> None:
        self.steps = 0

    def __enter__(self) -> Self:
        self._token = _meter.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _meter.reset(self._token)


_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)


def count(steps: int) -> None:
    """Add the steps of an evaluation to the meter that is running, if one is."""
    meter = _meter.get()
    if meter is not None:
        meter.steps += steps
