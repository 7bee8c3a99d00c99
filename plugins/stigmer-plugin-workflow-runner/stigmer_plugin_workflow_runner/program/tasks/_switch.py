"""`switch`: goes where the first case that matches says; the output is the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.values import truthy
from stigmer_plugin_workflow_runner.program.availability import DEFINITION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Directive
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

KEYS = ("switch",)
_EXAMPLE = "such as [{large: {when: .n > 9, then: end}}, {else: {then: continue}}]"


@dataclass(frozen=True, slots=True)
class Case:
    """A case; without a condition it always matches."""

    condition: Template | None
    then: Directive


@dataclass(frozen=True, slots=True)
class Switch:
    """Cases in the order they are tried."""

    cases: Sequence[Case]

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Complete with the directive of the first case that matches; without one the task's own stays."""
        value = execution.input(frame_id)
        for case in self.cases:
            if case.condition is None or truthy(execution.evaluate(case.condition, frame_id)):
                execution.complete(frame_id, value, then=case.then)
                return
        execution.complete(frame_id, value)


def compile_body(compiler: Compiler, place: Place) -> Switch:
    """Compile a `switch` task. The default cases are tried last, wherever they stand."""
    cases: list[Case] = []
    value = place.definition["switch"]
    if not isinstance(value, list) or not value:
        compiler.problem(place.at("switch"), "expected a list of cases", _EXAMPLE)
        return Switch(cases)
    for at, item in enumerate(value):
        if not isinstance(item, dict) or len(item) != 1 or not isinstance(next(iter(item.values())), dict):
            text = "expected one case, an object with its name as the only key"
            compiler.problem(place.at("switch", at), text, "such as {large: {when: .n > 9, then: end}}")
            continue
        cases.append(_case(compiler, place, at, *next(iter(item.items()))))
    _check_names(compiler, place, value)
    return Switch(sorted(cases, key=lambda case: case.condition is None))


def _check_names(compiler: Compiler, place: Place, cases: list[Json]) -> None:
    """Note cases that can never be chosen: a second one of a name, and a second one without a condition."""
    seen: set[str] = set()
    defaults = 0
    for at, item in enumerate(cases):
        for name, case in item.items() if isinstance(item, dict) else ():
            if name in seen:
                compiler.problem(place.at("switch", at, name), f"a case named {name!r} is there already", "rename it")
            seen.add(name)
            defaults += isinstance(case, dict) and "when" not in case
            if defaults > 1 and "when" not in case:
                text = "there is a case without a condition already, so this one is never chosen"
                compiler.problem(place.at("switch", at, name), text, "give it a 'when'")


def _case(compiler: Compiler, place: Place, at: int, name: str, case: dict[str, Json]) -> Case:
    pointer = place.at("switch", at, name)
    compiler.keys(case, ("when", "then"), pointer)
    condition = None
    if "when" in case:
        condition = compiler.expression(case["when"], f"{pointer}/when", DEFINITION | place.variables)
    if "then" not in case:
        hint = "a task of the same list, continue, exit or end"
        compiler.problem(pointer, "a case says where to go with 'then'", hint)
        return Case(condition, "continue")
    return Case(condition, compiler.directive(case["then"], place, f"{pointer}/then"))
