"""`call: stigmer:human`: waits until a person has answered. The output is the outcome, the form and who it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stigmer_core.program import ActivityDone, ActivityFailed
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.contract import compile_document_schema
from stigmer_plugin_workflow_runner.program.durations import moment_after, parse_duration
from stigmer_plugin_workflow_runner.program.faults import BASE, TaskFault, error_of, fault
from stigmer_plugin_workflow_runner.program.secrets import hidden
from stigmer_plugin_workflow_runner.program.status import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stigmer_core.program import Json, Signal
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer, Directive
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

SIGNAL = "approval"
_KEYS = ("prompt", "formSchema", "outcomes", "approvers", "payload", "uiHint", "onTimeout", "escalate", "channels")
_LONGEST = 500  # characters of what is shown of an error
_ESCALATED = "?escalated"  # the suffix of the timer of the second wait; no position ends like it


@dataclass(frozen=True, slots=True)
class Human:
    """A question, the answers there are and where each goes, and what follows from silence."""

    question: Template  # prompt and payload
    shown: Mapping[str, Json]
    outcomes: Mapping[str, Directive | None]
    on_timeout: str
    escalates: bool
    channels: Sequence[str]

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Show the question, tell people of it, and listen."""
        frame = execution.change(frame_id)
        frame["asks"] = True
        frame["question"] = {**self.shown, **hidden(execution.evaluate(self.question, frame_id))}
        self._show(execution, frame_id)
        execution.listen(frame_id)

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Note whether people could be told, or give up waiting for those that the question was escalated to.

        Raises:
            TaskFault: a channel is not there, or nobody has answered.
        """
        if isinstance(answer, ActivityDone):
            return
        if not isinstance(answer, ActivityFailed):
            raise fault("timeout", "nobody has answered, not after the question was escalated either")
        if answer.failure.type == f"{BASE}configuration":
            raise TaskFault(error_of(answer.failure))
        frame = execution.change(frame_id)
        frame["untold"] = [*frame.get("untold", ()), answer.failure.detail[:_LONGEST]]
        execution.status.asks(frame, frame["question"])

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
        """Take silence for an answer, or ask everybody; return False when it is the end."""
        if self.escalates:
            self._escalate(execution, frame_id)
            return True
        if not self.on_timeout:
            return False
        execution.status.decided(execution.frame(frame_id), self.on_timeout)
        self._end(execution, frame_id, {"outcome": self.on_timeout, "formData": {}, "reviewer": "", "comment": ""})
        return True

    def _escalate(self, execution: Execution, frame_id: str) -> None:
        """Ask anew, whoever may edit the run, and for as long again."""
        frame = execution.change(frame_id)
        execution.status.decided(frame, "", comment="nobody has answered in time: the question is escalated")
        frame["question"] = {name: value for name, value in frame["question"].items() if name != "approvers"}
        frame["escalated"] = True
        execution.wake(frame_id, f"{frame_id}{_ESCALATED}", _timeout(execution, frame_id) or timedelta())
        self._show(execution, frame_id)

    def _show(self, execution: Execution, frame_id: str) -> None:
        frame = execution.change(frame_id)
        timeout = _timeout(execution, frame_id)
        frame["until"] = "" if timeout is None else timestamp(moment_after(execution.now, timeout))
        execution.status.asked(frame, frame["question"])
        again = "!" if frame.get("escalated") else ""
        for at, channel in enumerate(self.channels):
            asked = {name: frame["question"][name] for name in ("prompt", "outcomes", "approvers", "payload")
                     if name in frame["question"]}  # fmt: skip
            task = execution.document.tasks[frame["task"]].name
            message = {"channel": channel, "question": {**asked, "task": task, "escalated": bool(again)}}
            execution.call(frame_id, "notify", message, key=f"{frame_id}?tell{at}{again}")

    def _end(self, execution: Execution, frame_id: str, answer: dict[str, Json]) -> None:
        execution.stop_listening(frame_id)
        execution.complete(frame_id, answer, then=self.outcomes[answer["outcome"]])


def _timeout(execution: Execution, frame_id: str) -> timedelta | None:
    timeout = execution.document.tasks[execution.frame(frame_id)["task"]].timeout
    return None if timeout is None else parse_duration(execution.evaluate(timeout, frame_id))


def compile_call(compiler: Compiler, place: Place) -> Human:
    """Compile a `call: stigmer:human`."""
    section, pointer = compiler.section(place.definition, "with", place.pointer), place.at("with")
    compiler.keys(section, _KEYS, pointer)
    if not isinstance(section.get("prompt"), str) or not section["prompt"]:
        compiler.problem(pointer, "a question has a 'prompt'")
    if "formSchema" in section:
        compile_document_schema(compiler, section, pointer, "form", key="formSchema")
    outcomes = _outcomes(compiler, section, pointer)
    _check_silence(compiler, place, section, outcomes)
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
        on_timeout=str(section.get("onTimeout") or ""),
        escalates=section.get("escalate") is True,
        channels=_channels(compiler, section, pointer),
    )


def _check_silence(
    compiler: Compiler, place: Place, section: dict[str, Json], outcomes: Mapping[str, dict[str, Any]]
) -> None:
    """Check what follows when nobody answers in time."""
    on_timeout, pointer = section.get("onTimeout"), place.at("with")
    if "onTimeout" in section and (str(on_timeout) not in outcomes or "timeout" not in place.definition):
        compiler.problem(f"{pointer}/onTimeout", "expected one of the outcomes, and a 'timeout' of the task")
    if section.get("escalate", False) is False:
        return
    if section["escalate"] is not True or "timeout" not in place.definition or on_timeout is not None:
        hint = "write one of 'escalate' and 'onTimeout'" if on_timeout is not None else ""
        compiler.problem(f"{pointer}/escalate", "expected true, and a 'timeout' of the task", hint)


def _channels(compiler: Compiler, section: dict[str, Json], pointer: str) -> list[str]:
    """Return the names of the channels that tell people of the question."""
    channels = section.get("channels", [])
    if not isinstance(channels, list) or not all(isinstance(one, str) and one for one in channels):
        compiler.problem(f"{pointer}/channels", "expected a list of names of channels")
        return []
    return list(dict.fromkeys(map(str, channels)))


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
