"""Values of a document that may hold expressions, compiled once.

Only what the document says is compiled: an expression that arrives in data is text. Source: DSL, "Runtime
Expressions", which forbids evaluating input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.expressions import (
    BudgetExceededError,
    JqError,
    UnsupportedExpressionError,
    compile_expression,
)
from stigmer_plugin_workflow_runner.program.faults import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stigmer_core.program import Json

_WRAPPED = re.compile(r"\s*\$\{(.*)\}\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Template:
    """A value of the document; `variables` are the names its expressions take."""

    build: Callable[[Json, Mapping[str, Json]], Json]
    variables: frozenset[str] = frozenset()
    is_constant: bool = False

    def evaluate(self, value: Json, variables: Mapping[str, Json]) -> Json:
        """Return the value for an input.

        Raises:
            TaskFault: an expression fails, as the standard expression error.
        """
        try:
            return self.build(value, variables)
        except (JqError, BudgetExceededError) as error:
            raise fault("expression", str(error)) from error


def constant(value: Json) -> Template:
    """Return the template of a value without expressions."""
    return Template(lambda _value, _variables: value, is_constant=True)


def expression_text(value: str) -> str | None:
    """Return the expression in `${ … }`, None for a plain string."""
    match = _WRAPPED.fullmatch(value)
    return match.group(1) if match else None


def from_expression(text: str) -> Template:
    """Return the template of an expression without its `${ }`.

    Raises:
        UnsupportedExpressionError: it cannot be compiled.
    """
    expression = compile_expression(text)
    return Template(expression.evaluate, expression.variables)


def from_value(
    value: Json,
    report: Callable[[str, UnsupportedExpressionError], None],
    pointer: str = "",
    *,
    found: Callable[[str, Template], object] = lambda _pointer, _template: None,
) -> Template:
    """Return the template of any JSON value.

    Args:
        value: what may hold expressions.
        report: gets the pointer and the fault of each bad expression.
        pointer: of the value.
        found: gets the pointer and the template of each expression.
    """
    if isinstance(value, str):
        text = expression_text(value)
        if text is None:
            return constant(value)
        try:
            template = from_expression(text)
        except UnsupportedExpressionError as error:
            report(pointer, error)
            return constant(None)
        found(pointer, template)
        return template
    if isinstance(value, dict):
        parts = {
            name: from_value(item, report, f"{pointer}/{escaped(name)}", found=found) for name, item in value.items()
        }
        return _of_parts(value, parts.values(), lambda make: {name: make(part) for name, part in parts.items()})
    if isinstance(value, list):
        elements = [from_value(item, report, f"{pointer}/{at}", found=found) for at, item in enumerate(value)]
        return _of_parts(value, elements, lambda make: [make(element) for element in elements])
    return constant(value)


def _of_parts(
    value: Json, parts: Iterable[Template], assemble: Callable[[Callable[[Template], Json]], Any]
) -> Template:
    listed = list(parts)
    if all(part.is_constant for part in listed):
        return constant(value)

    def build(current: Json, variables: Mapping[str, Json]) -> Json:
        return assemble(lambda part: part.build(current, variables))

    return Template(build, frozenset().union(*(part.variables for part in listed)))


def escaped(name: str) -> str:
    """Return a name as a token of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


__all__ = ["Template", "constant", "escaped", "expression_text", "from_expression", "from_value"]
