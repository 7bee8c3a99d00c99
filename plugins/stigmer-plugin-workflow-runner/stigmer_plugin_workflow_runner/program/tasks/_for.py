"""`for`: a list of tasks once per item. The output of an iteration is the input of the next one.

Where its metadata says so, iterations know nothing of each other: see `_for_each`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.values import truthy
from stigmer_plugin_workflow_runner.program import sequence
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.tasks._for_each import (
    ForEach,
    compile_iteration,
    compile_options,
    items_of,
)

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Child
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

KEYS = ("for", "while", "do")


@dataclass(frozen=True, slots=True)
class For:
    """A loop. `exit` ends an iteration, `while` the loop."""

    each: str
    at: str
    items: Template
    condition: Template | None
    tasks: str

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Evaluate the items, once, and begin the first iteration."""
        items = items_of(execution, frame_id, self.items)
        execution.change(frame_id).update(items=items, iteration=-1)
        self._iterate(execution, frame_id, execution.input(frame_id))

    def child_ended(self, execution: Execution, frame_id: str, child: Child) -> None:
        """Enter the next task of the iteration, or begin the next iteration."""
        if not sequence.advance(execution, frame_id, child):
            self._iterate(execution, frame_id, child.output)

    def _iterate(self, execution: Execution, frame_id: str, value: Json) -> None:
        frame = execution.change(frame_id)
        iteration = frame["iteration"] + 1
        if iteration >= len(frame["items"]):
            execution.complete(frame_id, value)
            return
        frame.update(iteration=iteration, variables={self.each: frame["items"][iteration], self.at: iteration})
        if self.condition is not None and not truthy(execution.evaluate(self.condition, frame_id, value)):
            execution.complete(frame_id, value)
            return
        sequence.begin(execution, frame_id, self.tasks, f"{frame_id}#{iteration}/do", value)


def compile_body(compiler: Compiler, place: Place) -> For | ForEach:
    """Compile a `for` task."""
    loop = compiler.section(place.definition, "for", place.pointer)
    compiler.keys(loop, ("each", "in", "at"), place.at("for"))
    each = compiler.variable(loop, "each", "item", place.at("for"))
    at = compiler.variable(loop, "at", "index", place.at("for"))
    items = _items(compiler, place, loop, DEFINITION | place.variables)
    inner = place.variables | {each, at}
    compiler.task_list(place.definition.get("do"), place.at("do"), inner)
    options = compile_options(compiler, place)
    if options is not None:
        return ForEach(items, compile_iteration(compiler, place, each, at, options.on_error), options)
    condition = None
    if "while" in place.definition:
        condition = compiler.expression(place.definition["while"], place.at("while"), DEFINITION | inner)
    return For(each=each, at=at, items=items, condition=condition, tasks=place.at("do"))


def _items(compiler: Compiler, place: Place, loop: dict[str, Json], visible: frozenset[str]) -> Template:
    if "in" not in loop:
        compiler.problem(place.at("for"), "a loop says what it goes through with 'in'", "such as {in: .items}")
    items = loop.get("in", [])
    compiled = compiler.value if isinstance(items, list) else compiler.expression
    return compiled(items, place.at("for", "in"), visible)
