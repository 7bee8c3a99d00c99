"""The `for` of the API: iterations that know nothing of each other, several at a time.

The DSL's own loop hands the output of an iteration to the next one. Where the metadata of a `for` has
`stigmer.ai/for-each`, each iteration gets the loop's input instead, and the loop puts out what all of them put out, in
the order of the items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.expressions.values import type_name
from stigmer_plugin_workflow_runner.program import sequence
from stigmer_plugin_workflow_runner.program.document import ITERATION, Task
from stigmer_plugin_workflow_runner.program.faults import fault
from stigmer_plugin_workflow_runner.program.sizes import LARGEST, size_of
from stigmer_plugin_workflow_runner.program.templates import escaped

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Child
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

KEY = "stigmer.ai/for-each"
MOST_PARALLEL = 1_000  # iterations of one loop under way, whatever the document allows
POLICIES = ("fail", "continue", "skip")
LEFT_OUT = "exit"  # where an iteration goes that leaves nothing in the output
_CHUNK = 256  # results that are copied when one is added: a list of all would be copied at every iteration
_COUNTS = ("maxParallelism", "batchSize")


@dataclass(frozen=True, slots=True)
class Options:
    """How many iterations are under way, how many are begun before all of them have ended, and what an error does."""

    parallel: int
    batch: int  # 0 for no end of a batch
    on_error: str


@dataclass(frozen=True, slots=True)
class ForEach:
    """A loop whose iterations are tasks beside each other; those under way are its children."""

    items: Template
    iteration: str  # the pointer of the task that is an iteration
    options: Options

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Evaluate the items, once, and begin the first iterations."""
        items = items_of(execution, frame_id, self.items)
        execution.change(frame_id).update(items=items, begun=0, results=[], size=0)
        self._go_on(execution, frame_id)

    def child_ended(self, execution: Execution, frame_id: str, child: Child) -> None:
        """Keep what an iteration put out, and begin another one, or complete.

        Raises:
            TaskFault: all that was put out is too large.
        """
        if child.then != LEFT_OUT:
            _keep(execution.change(frame_id), child.index, child.output)
        self._go_on(execution, frame_id)

    def _go_on(self, execution: Execution, frame_id: str) -> None:
        frame = execution.change(frame_id)
        while self._may_begin(frame):
            at = frame["begun"]
            frame["begun"] = at + 1
            task = execution.document.tasks[self.iteration]
            execution.enter(f"{frame_id}#{at}/do", task, frame_id, at, execution.input(frame_id))
        if not frame["children"]:
            execution.complete(frame_id, [kept[0] for chunk in frame["results"] for kept in chunk if kept is not None])

    def _may_begin(self, frame: dict[str, Any]) -> bool:
        begun, under_way = frame["begun"], frame["children"]
        if begun >= len(frame["items"]) or under_way >= self.options.parallel:
            return False
        return not (under_way and self.options.batch and begun % self.options.batch == 0)


@dataclass(frozen=True, slots=True)
class Iteration:
    """The tasks for one item, and what becomes of an error of theirs."""

    tasks: str  # the list's pointer
    each: str
    at: str
    on_error: str

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Enter the first task; item and index are where the loop has them."""
        frame = execution.change(frame_id)
        index = frame["index"]
        frame["variables"] = {self.each: execution.frame(frame["parent"])["items"][index], self.at: index}
        sequence.begin(execution, frame_id, self.tasks, frame_id, execution.input(frame_id))

    def child_ended(self, execution: Execution, frame_id: str, child: Child) -> None:
        """Enter the next task, or complete with the last one's output."""
        if not sequence.advance(execution, frame_id, child):
            execution.complete(frame_id, child.output)

    def catch(self, execution: Execution, frame_id: str, error: dict[str, Json]) -> bool:
        """Put the error out, leave the iteration out, or let the loop fail."""
        if self.on_error == "skip":
            execution.complete(frame_id, None, then=LEFT_OUT)
        elif self.on_error == "continue":
            execution.complete(frame_id, {"__error": error, "__index": execution.frame(frame_id)["index"]})
        return self.on_error != "fail"


def items_of(execution: Execution, frame_id: str, template: Template) -> list[Json]:
    """Return what a loop goes through.

    Raises:
        TaskFault: it is no list.
    """
    items = execution.evaluate(template, frame_id)
    if not isinstance(items, list):
        raise fault("expression", f"'for.in' is not an array: {type_name(items)}")
    return items


def _keep(frame: dict[str, Any], index: int, output: Json) -> None:
    """Keep an output at its place, in a list of one: a place that is None is one without output."""
    frame["size"] += size_of([output])
    if frame["size"] > LARGEST:
        raise fault("runtime", f"what the iterations put out is larger than {LARGEST // 1024 // 1024} MB")
    at, within = divmod(index, _CHUNK)
    results = [*frame["results"], *([] for _ in range(at + 1 - len(frame["results"])))]
    chunk = [*results[at], *(None for _ in range(within + 1 - len(results[at])))]
    chunk[within] = [output]
    results[at] = chunk
    frame["results"] = results


def compile_options(compiler: Compiler, place: Place) -> Options | None:
    """Compile what the metadata of a loop says about its iterations, None when that is nothing."""
    metadata = place.definition.get("metadata")
    if not isinstance(metadata, dict) or KEY not in metadata:
        return None
    section, pointer = compiler.section(metadata, KEY, place.at("metadata")), place.at("metadata", KEY)
    compiler.keys(section, (*_COUNTS, "onError"), pointer)
    parallel, batch = (_count(compiler, section, key, pointer) for key in _COUNTS)
    on_error = section.get("onError", POLICIES[0])
    if on_error not in POLICIES:
        compiler.problem(f"{pointer}/onError", f"unknown policy {on_error!r}", ", ".join(POLICIES))
    if "while" in place.definition:
        hint = f"leave it out, or {KEY!r} in the metadata"
        compiler.problem(place.at("while"), "iterations that know nothing of each other have no 'while'", hint)
    return Options(min(max(parallel, 1), MOST_PARALLEL), batch, str(on_error))


def compile_iteration(compiler: Compiler, place: Place, each: str, at: str, on_error: str) -> str:
    """Compile the task that is an iteration of a loop, whose tasks are compiled already; return its pointer."""
    pointer = place.at("do")
    body = Iteration(pointer, each, at, on_error)
    compiler.tasks[pointer] = Task(pointer, place.name, ITERATION, body, place.definition)
    return pointer


def _count(compiler: Compiler, section: dict[str, Json], key: str, pointer: str) -> int:
    count = section.get(key, 0)
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        compiler.problem(f"{pointer}/{escaped(key)}", "expected a whole number that is not below 0")
        return 0
    return count
