"""Regular expressions that are safe on any text.

Python's engine backtracks, so a pattern from a document could hold up everything for years. Patterns are kept to
those that cannot: no group with a repetition inside a repetition, no back references, no look-around, and at most
one unbounded repetition per ten characters of budgeted work.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.failure import JqError

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.expressions.budget import Budget

MOST_REPETITIONS = 2  # unbounded ones: the work is at most the cube of the text's length, which the budget pays
_UNSAFE = re.compile(r"\)\s*(?:[*+?]|\{)|\(\?(?!:)|\\[1-9kgKGRXpP]|[*+?}][+]")
_REPEATED = re.compile(r"(?<!\\)(?:[*+]|\{\d*,\})")
_FLAGS = {"i": re.IGNORECASE, "x": re.VERBOSE, "s": re.DOTALL, "g": re.RegexFlag(0), "n": re.RegexFlag(0)}


def matches(pattern: str, text: str, flags: str, budget: Budget) -> bool:
    """Return whether a pattern is found anywhere in a text.

    Raises:
        JqError: the pattern is no regular expression, or one that this version refuses to run.
        BudgetExceededError: the text is too long for the pattern.
    """
    compiled, repetitions = _compile(pattern, flags)
    budget.spend((len(text) + 1) ** (1 + repetitions) // 64)
    return compiled.search(text) is not None


@lru_cache(maxsize=256)
def _compile(pattern: str, flags: str) -> tuple[re.Pattern[str], int]:
    repetitions = len(_REPEATED.findall(pattern))
    if _UNSAFE.search(pattern) or repetitions > MOST_REPETITIONS:
        raise JqError(f"the pattern {pattern!r} is not supported by this version: it may take too long")
    combined = re.RegexFlag(0)
    for flag in flags:
        if flag not in _FLAGS:
            raise JqError(f"{flags} is not a valid modifier string")
        combined |= _FLAGS[flag]
    try:
        return re.compile(pattern, combined), repetitions
    except re.error as error:
        raise JqError(f"{pattern} is not a valid regex: {error}") from error
