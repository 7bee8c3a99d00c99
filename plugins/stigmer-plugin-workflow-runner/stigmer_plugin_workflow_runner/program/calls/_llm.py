"""`call: stigmer:llm`: asks a model once. No provider of models is there yet, so the task faults and says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.contract import compile_contract, compile_failing
from stigmer_plugin_workflow_runner.program.faults import fault

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

_ANSWER = ("model", "prompt", "system", "output", "temperature", "maxTokens", "maxCostMicros", "maxTotalTokens")
_GRADE = ("subject", "rubric", "scoring", "threshold", "criteria", "onFail", "fallback")
_TEXTS = ("prompt", "system", "subject")


@dataclass(frozen=True, slots=True)
class AskModel:
    """A model and what it is asked."""

    model: str
    texts: Template

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Evaluate the question, and fault."""
        execution.evaluate(self.texts, frame_id)
        raise fault("configuration", f"no model provider is configured here, so {self.model!r} cannot be asked")


def compile_call(compiler: Compiler, place: Place) -> AskModel:
    """Compile a `call: stigmer:llm`, a question or a grade."""
    section, pointer = compiler.section(place.definition, "with", place.pointer), place.at("with")
    grades = "subject" in section
    compiler.keys(section, ("model", "system", *_GRADE, "maxCostMicros") if grades else _ANSWER, pointer)
    for key in ("model", "subject" if grades else "prompt"):
        if not isinstance(section.get(key), str) or not section[key]:
            compiler.problem(pointer, f"a question to a model has a {key!r}")
    if grades:
        compile_failing(compiler, place, section, pointer, ("branch", "warn"))
    else:
        compile_contract(compiler, place, section, pointer)
    texts = {key: section[key] for key in _TEXTS if key in section}
    return AskModel(str(section.get("model")), compiler.value(texts, pointer, DEFINITION | place.variables))
