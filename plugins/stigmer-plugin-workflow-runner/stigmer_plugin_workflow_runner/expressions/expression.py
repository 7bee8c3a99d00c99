"""An expression, ready to be evaluated any number of times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.budget import STEPS, Budget
from stigmer_plugin_workflow_runner.expressions.closures import Closure, Env, Scope, first_of
from stigmer_plugin_workflow_runner.expressions.compiler import compile_node
from stigmer_plugin_workflow_runner.expressions.failure import JqError, UnsupportedExpressionError
from stigmer_plugin_workflow_runner.expressions.parser import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_plugin_workflow_runner.expressions.values import Json


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression; `variables` are the names it takes from outside."""

    text: str
    variables: frozenset[str]
    closure: Closure

    def evaluate(self, value: Json, variables: Mapping[str, Json], *, steps: int = STEPS) -> Json:
        """Return the first value the expression makes of its input, null when it makes none.

        Raises:
            JqError: it fails.
            BudgetExceededError: it takes too many steps.
        """
        try:
            found = first_of(self.closure, value, Env(variables, Budget(steps)))
        except RecursionError as error:
            raise JqError("the value is nested too deeply") from error
        return found[0] if found else None

    def all(self, value: Json, variables: Mapping[str, Json], *, steps: int = STEPS) -> list[Json]:
        """Return every value the expression makes of its input."""
        return list(self.closure.many(value, Env(variables, Budget(steps))))


def compile_expression(text: str) -> Expression:
    """Return the compiled expression.

    Raises:
        UnsupportedExpressionError: the text is not jq, or not of the part that this version compiles.
    """
    scope = Scope()
    try:
        closure = compile_node(parse(text), scope)
    except RecursionError as error:
        raise UnsupportedExpressionError("the expression is nested too deeply") from error
    return Expression(text, frozenset(scope.free), closure)
