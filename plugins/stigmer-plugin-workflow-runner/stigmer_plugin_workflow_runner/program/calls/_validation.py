"""`call: stigmer:validate`: checks a value with a schema and with conditions; a right one is the output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.values import truthy
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.contract import compile_document_schema, compile_failing
from stigmer_plugin_workflow_runner.program.faults import TaskFault, fault
from stigmer_plugin_workflow_runner.program.secrets import hidden

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Directive
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.schemas import Schema
    from stigmer_plugin_workflow_runner.program.templates import Template


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition of the task's input, and what is wrong when it does not hold."""

    name: str
    condition: Template
    message: Template


@dataclass(frozen=True, slots=True)
class Validation:
    """A value and its checks, and what happens instead of a fault."""

    value: Template
    schema: Schema | None
    rules: Sequence[Rule]
    policy: str
    fallback: Directive | None

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Check everything, and complete, or fault with all that is wrong."""
        value = execution.evaluate(self.value, frame_id)
        wrong = [*self._by_schema(value), *self._by_rules(execution, frame_id)]
        if not wrong:
            execution.complete(frame_id, value)
        elif self.policy == "warn":
            execution.complete(frame_id, {"valid": False, "errors": wrong, "value": value})
        elif self.policy == "branch":
            execution.complete(frame_id, {"valid": False, "errors": wrong, "value": value}, then=self.fallback)
        else:
            raise fault("validation", hidden("; ".join(error["message"] for error in wrong)))

    def _by_schema(self, value: Json) -> list[dict[str, str]]:
        if self.schema is None:
            return []
        try:
            self.schema.validate(value)
        except TaskFault as error:
            return [{"rule": "schema", "message": str(error)}]
        return []

    def _by_rules(self, execution: Execution, frame_id: str) -> list[dict[str, str]]:
        return [
            {"rule": rule.name, "message": f"{rule.name}: {execution.evaluate(rule.message, frame_id)}"}
            for rule in self.rules
            if not truthy(execution.evaluate(rule.condition, frame_id))
        ]


def compile_call(compiler: Compiler, place: Place) -> Validation:
    """Compile a `call: stigmer:validate`."""
    section, pointer = compiler.section(place.definition, "with", place.pointer), place.at("with")
    compiler.keys(section, ("input", "schema", "rules", "onFail", "fallback"), pointer)
    visible = DEFINITION | place.variables
    rules = section.get("rules", [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) and "when" in rule for rule in rules):
        compiler.problem(f"{pointer}/rules", "expected a list of rules with 'name', 'when' and 'message'")
        rules = []
    policy, fallback = compile_failing(compiler, place, section, pointer, ("branch", "warn"))
    has_schema = "schema" in section
    return Validation(
        value=compiler.value(section.get("input", "${ . }"), f"{pointer}/input", visible),
        schema=compile_document_schema(compiler, section, pointer, "value") if has_schema else None,
        rules=[_rule(compiler, rule, f"{pointer}/rules/{at}", visible) for at, rule in enumerate(rules)],
        policy=policy,
        fallback=fallback,
    )


def _rule(compiler: Compiler, rule: dict[str, Json], pointer: str, visible: frozenset[str]) -> Rule:
    compiler.keys(rule, ("name", "when", "message"), pointer)
    return Rule(
        str(rule.get("name", "rule")),
        compiler.expression(rule["when"], f"{pointer}/when", visible),
        compiler.value(rule.get("message", "does not hold"), f"{pointer}/message", visible),
    )
