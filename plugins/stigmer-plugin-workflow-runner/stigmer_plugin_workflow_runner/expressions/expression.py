"""An expression, ready to be evaluated any number of times."""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.budget import DEEPEST, STEPS, Budget, count
from stigmer_plugin_workflow_runner.expressions.closures import Closure, Env, Scope, first_of
from stigmer_plugin_workflow_runner.expressions.compiler import compile_node
from stigmer_plugin_workflow_runner.expressions.failure import JqError, UnsupportedExpressionError
from stigmer_plugin_workflow_runner.expressions.parser import parse
from stigmer_plugin_workflow_runner.expressions.shape import chooses
from stigmer_plugin_workflow_runner.expressions.values import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from stigmer_plugin_workflow_runner.expressions.values import Json

_FRAMES = DEEPEST + 3_000  # with those of the caller, of one expression, and of reading a value


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression; `variables` are the names it takes from outside."""

    text: str
    variables: frozenset[str]
    closure: Closure
    chooses: bool

    def evaluate(self, value: Json, variables: Mapping[str, Json], *, steps: int = STEPS) -> Json:
        """Return the first value the expression makes of its input, null when it makes none.

        Raises:
            JqError: it fails.
            BudgetExceededError: it takes too many steps.
        """
        budget = Budget(steps)
        with _Evaluation(budget):
            found = first_of(self.closure, value, Env(variables, budget))
            return self._finished(found[0], budget) if found else None

    def all(self, value: Json, variables: Mapping[str, Json], *, steps: int = STEPS) -> list[Json]:
        """Return every value the expression makes of its input."""
        budget = Budget(steps)
        with _Evaluation(budget):
            found = list(self.closure.many(value, Env(variables, budget)))
            return [self._finished(item, budget) for item in found]

    def _finished(self, found: Json, budget: Budget) -> Json:
        """Return a value that can be written as JSON: not too large, not too deep, without infinities and NaN."""
        if self.chooses or not isinstance(found, (float, list, dict)):
            return found
        budget.walk(found)
        return canonical(found)


class _Evaluation:
    """Gives the interpreter's stack the room that a budget allows for, and its collector of cycles a pause.

    What is taken of the budget is counted. The limit of the stack is never lowered again: it is the process's, and
    another thread may be in need of it. An evaluation makes no cycles, and many short-lived objects: looking for cycles
    among them takes longer than the evaluation. A class, for a generator takes five times as long, at each expression.
    """

    __slots__ = ("_before", "_budget", "_collects")

    def __init__(self, budget: Budget) -> None:
        self._budget, self._before, self._collects = budget, budget.left, False

    def __enter__(self) -> None:
        if sys.getrecursionlimit() < _FRAMES:
            sys.setrecursionlimit(_FRAMES)
        self._collects = gc.isenabled()
        gc.disable()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._collects:
            gc.enable()
        count(self._before - self._budget.left)
        if isinstance(error, RecursionError):
            raise JqError("the value is nested too deeply") from error


def compile_expression(text: str) -> Expression:
    """Return the compiled expression.

    Raises:
        UnsupportedExpressionError: the text is not jq, or not of the part that this version compiles.
    """
    scope = Scope(compile_node)
    try:
        node = parse(text)
        closure = compile_node(node, scope)
    except RecursionError as error:
        raise UnsupportedExpressionError("the expression is nested too deeply") from error
    return Expression(text, frozenset(scope.free), closure, chooses(node))
