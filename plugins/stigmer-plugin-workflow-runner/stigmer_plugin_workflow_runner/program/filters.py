"""Which events are meant: what their attributes must be, and what must belong together."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from stigmer_plugin_workflow_runner.expressions import UnsupportedExpressionError
from stigmer_plugin_workflow_runner.expressions.values import equal
from stigmer_plugin_workflow_runner.program.events import ANY_TYPE, data_of
from stigmer_plugin_workflow_runner.program.faults import TaskFault
from stigmer_plugin_workflow_runner.program.templates import escaped, expression_text, from_expression

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import TypeAlias

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler
    from stigmer_plugin_workflow_runner.program.templates import Template

    Evaluate: TypeAlias = "Callable[[Template, Json], Json]"  # a template over a value, in its scope


class Pattern(Protocol):
    """What a value must be like."""

    def matches(self, value: Json, subject: Json, evaluate: Evaluate) -> bool:
        """Return whether a value is like that; expressions are over `subject`."""


@dataclass(frozen=True, slots=True)
class Exact:
    """A constant."""

    wanted: Json

    def matches(self, value: Json, _subject: Json, _evaluate: Evaluate) -> bool:
        """Return whether the value is the constant."""
        return equal(value, self.wanted)


@dataclass(frozen=True, slots=True)
class Computed:
    """An expression: true or false decides, any other result is what the value must be."""

    wanted: Template

    def matches(self, value: Json, subject: Json, evaluate: Evaluate) -> bool:
        """Return whether the expression says so."""
        result = evaluate(self.wanted, subject)
        return result if isinstance(result, bool) else equal(result, value)


@dataclass(frozen=True, slots=True)
class Like:
    """A regular expression, for a text."""

    test: Template

    def matches(self, value: Json, _subject: Json, evaluate: Evaluate) -> bool:
        """Return whether the text matches."""
        return isinstance(value, str) and bool(evaluate(self.test, value))


@dataclass(frozen=True, slots=True)
class Parts:
    """An object with these parts, and maybe others."""

    parts: Mapping[str, Pattern]

    def matches(self, value: Json, subject: Json, evaluate: Evaluate) -> bool:
        """Return whether every part is there and matches."""
        return isinstance(value, dict) and all(
            name in value and part.matches(value[name], subject, evaluate) for name, part in self.parts.items()
        )


@dataclass(frozen=True, slots=True)
class Elements:
    """A list of just these elements."""

    elements: Sequence[Pattern]

    def matches(self, value: Json, subject: Json, evaluate: Evaluate) -> bool:
        """Return whether the list is as long, and every element matches."""
        return (
            isinstance(value, list)
            and len(value) == len(self.elements)
            and all(one.matches(item, subject, evaluate) for one, item in zip(self.elements, value, strict=True))
        )


@dataclass(frozen=True, slots=True)
class Correlation:
    """A value of the event, and what it must be: without `expect`, what it was in the first event."""

    source: Template
    expect: Template | None


@dataclass(frozen=True, slots=True)
class Filter:
    """One kind of event that is waited for; `type` is `*` unless the document says which it is."""

    attributes: Mapping[str, Pattern]
    correlations: Mapping[str, Correlation]
    type: str

    def take(self, event: dict[str, Json], expected: dict[str, Json], evaluate: Evaluate) -> dict[str, Json] | None:
        """Return what later events must correlate with if this one is meant, None otherwise.

        Raises:
            TaskFault: what a correlation expects cannot be evaluated.
        """
        if not self._matches(event, evaluate):
            return None
        found: dict[str, Json] = {}
        for name, correlation in self.correlations.items():
            value = _attempt(correlation.source, event, evaluate)
            if value is None:
                return None
            if correlation.expect is not None:
                if not equal(evaluate(correlation.expect, None), value):
                    return None
            elif not equal(expected.get(name, value), value):
                return None
            else:
                found[name] = value
        return {**expected, **found}

    def _matches(self, event: dict[str, Json], evaluate: Evaluate) -> bool:
        data = data_of(event)
        values = {**event, "data": data} if data is not None else event
        try:
            return all(
                name in values and pattern.matches(values[name], data if name == "data" else event, evaluate)
                for name, pattern in self.attributes.items()
            )
        except TaskFault:  # an expression that cannot be made of this event does not mean it
            return False


def _attempt(template: Template, event: dict[str, Json], evaluate: Evaluate) -> Json:
    try:
        return evaluate(template, event)
    except TaskFault:
        return None


def compile_filter(compiler: Compiler, value: Json, pointer: str, visible: Collection[str]) -> Filter:
    """Compile a filter, noting problems on the way."""
    if not isinstance(value, dict):
        compiler.problem(pointer, "expected a filter, an object with 'with'")
        return Filter({}, {}, ANY_TYPE)
    compiler.keys(value, ("with", "correlate"), pointer)
    attributes = compiler.section(value, "with", pointer)
    if not attributes:
        compiler.problem(pointer, "a filter says with 'with' which attributes an event has", "such as {type: ...}")
    patterns = {
        name: _pattern(compiler, item, f"{pointer}/with/{escaped(name)}", visible) for name, item in attributes.items()
    }
    wanted = patterns.get("type")
    correlations = {
        name: _correlation(compiler, item, f"{pointer}/correlate/{escaped(name)}", visible)
        for name, item in compiler.section(value, "correlate", pointer).items()
    }
    return Filter(patterns, correlations, str(wanted.wanted) if isinstance(wanted, Exact) else ANY_TYPE)


def _pattern(compiler: Compiler, value: Json, pointer: str, visible: Collection[str]) -> Pattern:
    if isinstance(value, dict):
        parts = {name: _pattern(compiler, item, f"{pointer}/{escaped(name)}", visible) for name, item in value.items()}
        return Parts(parts)
    if isinstance(value, list):
        return Elements([_pattern(compiler, item, f"{pointer}/{at}", visible) for at, item in enumerate(value)])
    if isinstance(value, str) and expression_text(value) is not None:
        return Computed(compiler.value(value, pointer, visible))
    if isinstance(value, str) and value.startswith("^") and value.endswith("$"):
        return _like(compiler, value, pointer)
    return Exact(value)


def _like(compiler: Compiler, value: str, pointer: str) -> Pattern:
    """Return the pattern of a text between `^` and `$`, which is a regular expression."""
    try:
        test = from_expression(f"test({json.dumps(value)})")
        test.evaluate("", {})
    except (UnsupportedExpressionError, TaskFault) as error:
        compiler.problem(pointer, f"the regular expression cannot be used: {error}")
        return Exact(value)
    return Like(test)


def _correlation(compiler: Compiler, value: Json, pointer: str, visible: Collection[str]) -> Correlation:
    section = value if isinstance(value, dict) else {}
    compiler.keys(section, ("from", "expect"), pointer)
    if "from" not in section:
        compiler.problem(pointer, "a correlation says with 'from' which value of the event it means", "an expression")
    source = compiler.expression(section.get("from", "."), f"{pointer}/from", visible)
    expect = compiler.value(section["expect"], f"{pointer}/expect", visible) if "expect" in section else None
    return Correlation(source, expect)
