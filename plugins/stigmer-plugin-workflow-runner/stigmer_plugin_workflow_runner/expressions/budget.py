"""How much work one evaluation may do."""

from __future__ import annotations

STEPS = 1_000_000  # about a second of pure Python; a larger job belongs into an activity


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
