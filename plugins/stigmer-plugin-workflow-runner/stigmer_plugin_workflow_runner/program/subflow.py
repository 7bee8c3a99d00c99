"""`run: workflow`: another workflow, found when its turn comes, as a child of this run or as one of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.program import ActivityFailed, ChildDone
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.faults import TaskFault, error_of, fault
from stigmer_plugin_workflow_runner.program.secrets import hidden
from stigmer_plugin_workflow_runner.program.sizes import size_of

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

DEEPEST = 16  # workflows inside workflows; one that runs itself comes to an end
RUNNER = "workflow"
LATEST = "latest"
KEPT = 4  # documents of exact versions that a run keeps, so that a loop does not look for the same one each time
KEPT_SIZE = 32 * 1024  # of each, as values are measured
_GIVEN = "given"  # in the frame: the child's input, until its document is found
_LOOKS_FOR = "looks_for"  # in the frame: the key that the document is kept under
_REQUIRED = ("namespace", "name", "version")


@dataclass(frozen=True, slots=True)
class Subflow:
    """Which workflow runs, and with what: the task's own input when the document says nothing."""

    reference: Template
    value: Template | None
    awaits: bool

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Look for the workflow, unless the run knows it, or let it be started as a run of its own."""
        reference = execution.evaluate(self.reference, frame_id)
        if not all(isinstance(text, str) and text for text in reference.values()):
            raise fault("configuration", "the namespace, name and version of a workflow are texts")
        value = execution.input(frame_id) if self.value is None else execution.evaluate(self.value, frame_id)
        if not self.awaits:
            if hidden(value) != value:  # what starts a run is stored for everybody to read
                raise fault("configuration", "secrets cannot be given to a workflow that is not awaited")
            execution.call(frame_id, "start_workflow", {**reference, "input": value})
            return
        if execution.state.get("depth", 0) >= DEEPEST:
            raise fault("runtime", f"workflows run each other more than {DEEPEST} deep")
        execution.change(frame_id)[_GIVEN] = value
        kept = execution.state.get("found", {}).get(_key(reference))
        if kept is not None:
            self._start(execution, frame_id, kept)
            return
        if reference.get("version", LATEST) != LATEST:  # one that is named by its slug has none
            execution.change(frame_id)[_LOOKS_FOR] = _key(reference)
        execution.call(frame_id, "find_workflow", reference)

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Start the child when it is found, and complete with its output, or fault with its error."""
        if isinstance(answer, ActivityFailed):
            raise TaskFault(error_of(answer.failure))
        if isinstance(answer, ChildDone):
            if answer.failure is not None:
                raise TaskFault(error_of(answer.failure))
            execution.complete(frame_id, answer.output)
        elif self.awaits:
            document = getattr(answer, "result", {})["document"]
            _keep(execution, execution.change(frame_id).pop(_LOOKS_FOR, ""), document)
            self._start(execution, frame_id, document)
        else:
            execution.complete(frame_id, execution.input(frame_id))

    def _start(self, execution: Execution, frame_id: str, document: Json) -> None:
        execution.start_child(frame_id, RUNNER, _child_input(execution, frame_id, document))


def _keep(execution: Execution, key: str, document: Json) -> None:
    if key and size_of(document) <= KEPT_SIZE:
        kept = {**execution.state.get("found", {}), key: document}
        execution.state["found"] = dict(list(kept.items())[-KEPT:])


def _key(reference: Json) -> str:
    return json.dumps(reference, sort_keys=True)


def _child_input(execution: Execution, frame_id: str, document: Json) -> Json:
    state = execution.state
    return {
        "id": f"{state['id']}{frame_id}",
        "document": document,
        "input": execution.change(frame_id).pop(_GIVEN),
        "secrets": state["secrets"],
        "depth": state.get("depth", 0) + 1,
    }


def compile_subflow(compiler: Compiler, place: Place, section: dict[str, Json]) -> Subflow:
    """Compile the `workflow` of a `run` task."""
    workflow, pointer = compiler.section(section, "workflow", place.at("run")), place.at("run", "workflow")
    compiler.keys(workflow, (*_REQUIRED, "input"), pointer)
    for key in ("namespace", "name"):
        if not isinstance(workflow.get(key), str) or not workflow[key]:
            compiler.problem(pointer, f"a workflow to run has a {key!r}, which is a text")
    if not isinstance(workflow.get("version", LATEST), str):
        compiler.problem(f"{pointer}/version", "a version is a text", "put it in quotes")
    if "return" in section:
        compiler.problem(place.at("run", "return"), "'return' is for processes", "a workflow's output is what it is")
    visible = DEFINITION | place.variables
    reference = {key: workflow.get(key, LATEST) for key in _REQUIRED}
    return Subflow(
        reference=compiler.value(reference, pointer, visible),
        value=compiler.value(workflow["input"], f"{pointer}/input", visible) if "input" in workflow else None,
        awaits=section.get("await") is not False,
    )
