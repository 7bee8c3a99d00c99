"""`evaluate.mode: loose`, in which an expression need not be all of a text, or need not be in `${ }`.

The DSL says no more than that loose mode allows "a wider range of input formats". Here it is two forms beside the
strict one: a text that starts as a path or a variable and is an expression as a whole (`.user.name`, `$context.id`),
and `${ }` inside of other text. A document is rewritten to the strict form before it is compiled, so that pointers
into it stay what they were. Source: DSL, "Runtime Expressions".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions import UnsupportedExpressionError, compile_expression
from stigmer_plugin_workflow_runner.program.templates import expression_text

if TYPE_CHECKING:
    from stigmer_core.program import Json

MOST_ENDS = 50  # closing braces that are tried as the end of one `${`
_BARE = re.compile(r"\s*(?:\.(?:[A-Za-z_\[\"]|\s*\Z)|\$[A-Za-z_])")
_ALWAYS_TEXT = ("document", "metadata", "schema", "then", "$schema")


def strict_form(document: dict[str, Json]) -> dict[str, Json]:
    """Return a document in the strict form: itself, unless its mode is `loose`."""
    evaluate = document.get("evaluate")
    if not isinstance(evaluate, dict) or evaluate.get("mode") != "loose":
        return document
    return {name: item if name == "evaluate" else _rewritten(name, item) for name, item in document.items()}


def _rewritten(name: str, value: Json) -> Json:
    if name in _ALWAYS_TEXT:
        return value
    if isinstance(value, dict):
        return {key: _rewritten(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rewritten("", item) for item in value]
    return strict_text(value) if isinstance(value, str) else value


def strict_text(value: str) -> str:
    """Return a text in the strict form; what holds no expression stays as it is."""
    whole = expression_text(value)
    if whole is not None and (_compiles(whole) or "${" not in whole):
        return value
    if _BARE.match(value) and _compiles(value):
        return f"${{ {value} }}"
    return _joined(value) if "${" in value else value


def _joined(value: str) -> str:
    """Return the expression that puts a text together of its plain parts and of the expressions in it."""
    made, at = [], 0
    while (start := value.find("${", at)) >= 0:
        end = _end(value, start + 2)
        if end < 0:
            break
        made += [_quoted(value[at:start]), f"\\({value[start + 2 : end]})"]
        at = end + 1
    return f'${{ "{"".join(made)}{_quoted(value[at:])}" }}' if made else value


def _end(value: str, start: int) -> int:
    """Return where the brace stands that closes an expression: the first that leaves one, or else the first."""
    first = end = value.find("}", start)
    for _ in range(MOST_ENDS):
        if end < 0:
            break
        if _compiles(value[start:end]):
            return end
        end = value.find("}", end + 1)
    return first


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _compiles(text: str) -> bool:
    try:
        compile_expression(text)
    except UnsupportedExpressionError:
        return False
    return True
