"""Runtime expressions: the part of jq that workflows use, compiled to Python closures.

Nothing here has I/O, a clock or random numbers, and every evaluation has a budget, so an expression in a document can
neither look out of its run nor hold up another one. What is outside the part is refused when the document is compiled.
"""

from __future__ import annotations

from stigmer_plugin_workflow_runner.expressions.budget import BudgetExceededError
from stigmer_plugin_workflow_runner.expressions.expression import Expression, compile_expression
from stigmer_plugin_workflow_runner.expressions.failure import JqError, UnsupportedExpressionError

__all__ = ["BudgetExceededError", "Expression", "JqError", "UnsupportedExpressionError", "compile_expression"]
