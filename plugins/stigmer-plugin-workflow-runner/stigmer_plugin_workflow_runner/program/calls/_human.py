"""`call: stigmer:human`: waits until a person has answered. The output is the outcome, the form and who it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.contract import compile_document_schema
from stigmer_plugin_workflow_runner.program.secrets import hidden

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json, Signal
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Directive
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

SIGNAL = "approval"
_KEYS = ("prompt", "formSchema", "outcomes", "approvers", "payload", "uiHint", "onTimeout")


@dataclass(frozen=True, slots=True)
class Human:
    """A question, the answers there are and where each goes, and the answer that silence stands for."""

    question: Template  # prompt and payload
    shown: Mapping[str, Json]
    outcomes: Mapping[str, Directive | None]
    on_timeout: str

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Show the question and listen."""
        frame = execution.change(frame_id)
        frame["asks"] = True
        question = {**self.shown, **hidden(execution.evaluate(self.question, frame_id))}
        execution.status.asked(frame, question)
        execution.listen(frame_id)

    def signalled(self, execution: Execution, frame_id: str, signal: Signal) -> bool:
        """Take an answer; one that was meant for an earlier visit of the task is dropped."""
        answer: Any = signal.payload
        if signal.name != SIGNAL or not isinstance(answer, dict):
            return False
        if answer.get("task") != execution.frame(frame_id)["task"]:
            return False
        if (answer.get("position") or frame_id) != frame_id or answer.get("outcome") not in self.outcomes:
            return True
        parts = {name: answer.get(name) for name in ("outcome", "formData", "reviewer", "comment")}
        self._end(execution, frame_id, parts)
        return True

    def timed_out(self, execution: Execution, frame_id: str) -> bool:
        """Take silence for an answer; return False when it is none."""
        if not self.on_timeout:
            return False
        execution.status.decided(execution.frame(frame_id), self.on_timeout)
        self._end(execution, frame_id, {"outcome": self.on_timeout, "formData": {}, "reviewer": "", "comment": ""})
        return True

    def _end(self, execution: Execution, frame_id: str, answer: dict[str, Json]) -> None:
        execution.stop_listening(frame_id)
        execution.complete(frame_id, answer, then=self.outcomes[answer["outcome"]])


def compile_call(compiler: Compiler, place: Place) -> Human:
    """Compile a `call: stigmer:human`."""
    section, pointer = compiler.section(place.definition, "with", place.pointer), place.at("with")
    compiler.keys(section, _KEYS, pointer)
    if not isinstance(section.get("prompt"), str) or not section["prompt"]:
        compiler.problem(pointer, "a question has a 'prompt'")
    if "formSchema" in section:
        compile_document_schema(compiler, section, pointer, "form", key="formSchema")
    outcomes = _outcomes(compiler, section, pointer)
    on_timeout = str(section.get("onTimeout", ""))
    if on_timeout and (on_timeout not in outcomes or "timeout" not in place.definition):
        compiler.problem(f"{pointer}/onTimeout", "expected one of the outcomes, and a 'timeout' of the task")
    shown = {key: section[key] for key in ("formSchema", "approvers", "uiHint") if section.get(key)}
    shown["outcomes"] = [{"name": name, "label": one.get("label", "")} for name, one in outcomes.items()]
    question = {key: section[key] for key in ("prompt", "payload") if key in section}
    return Human(
        question=compiler.value(question, pointer, DEFINITION | place.variables),
        shown=shown,
        outcomes={
            name: compiler.directive(one["then"], place, f"{pointer}/outcomes/{at}/then") if one.get("then") else None
            for at, (name, one) in enumerate(outcomes.items())
        },
        on_timeout=on_timeout,
    )


def _outcomes(compiler: Compiler, section: dict[str, Json], pointer: str) -> dict[str, dict[str, Any]]:
    """Return the answers to choose from, by name."""
    outcomes = section.get("outcomes") or [{"name": "approve"}, {"name": "deny"}]
    if not isinstance(outcomes, list) or not all(isinstance(one, dict) and _is_named(one) for one in outcomes):
        compiler.problem(f"{pointer}/outcomes", "expected a list of outcomes with a 'name' that is a text")
        return {}
    found: dict[str, dict[str, Any]] = {}
    for at, one in enumerate(outcomes):
        compiler.keys(one, ("name", "label", "then"), f"{pointer}/outcomes/{at}")
        if one["name"] in found:
            compiler.problem(f"{pointer}/outcomes/{at}/name", f"there is an outcome {one['name']!r} already")
        found[str(one["name"])] = one
    return found


def _is_named(outcome: dict[str, Json]) -> bool:
    name = outcome.get("name")
    return isinstance(name, str) and bool(name) and isinstance(outcome.get("label", ""), str)
