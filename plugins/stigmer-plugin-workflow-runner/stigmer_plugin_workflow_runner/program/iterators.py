"""`foreach`: what is done with each item that a task consumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.availability import DEFINITION, EXPORT
from stigmer_plugin_workflow_runner.program.fetching import compile_any_schema, validate

if TYPE_CHECKING:
    from collections.abc import Collection

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.fetching import FetchedSchema
    from stigmer_plugin_workflow_runner.program.schemas import Schema
    from stigmer_plugin_workflow_runner.program.templates import Template


@dataclass(frozen=True, slots=True)
class Iterator:
    """The names of item and index, the tasks for each item, and what becomes of its output."""

    item: str
    at: str
    tasks: str | None  # the pointer of the list `foreach.do`
    output_as: Template | None
    export_as: Template | None
    output_schema: Schema | FetchedSchema | None
    export_schema: Schema | FetchedSchema | None

    def transformed(self, execution: Execution, frame_id: str, output: Json) -> Json:
        """Return what an item puts out, and let the context have it.

        Raises:
            TaskFault: an expression fails, or a value does not fit its schema.
        """
        if self.output_as is not None:
            output = execution.evaluate(self.output_as, frame_id, output)
        validate(execution, frame_id, self.output_schema, output)
        if self.export_as is not None:
            execution.state["context"] = execution.evaluate(self.export_as, frame_id, output, output=output)
        validate(execution, frame_id, self.export_schema, execution.state["context"])
        return output


def compile_iterator(compiler: Compiler, place: Place) -> Iterator:
    """Compile the `foreach` of a task, noting problems on the way."""
    foreach, pointer = compiler.section(place.definition, "foreach", place.pointer), place.at("foreach")
    compiler.keys(foreach, ("item", "at", "do", "output", "export"), pointer)
    item, at = str(foreach.get("item", "item")), str(foreach.get("at", "index"))
    inner = place.variables | {item, at}
    if "do" in foreach:
        compiler.task_list(foreach["do"], f"{pointer}/do", inner)
    return Iterator(
        item=item,
        at=at,
        tasks=f"{pointer}/do" if "do" in foreach else None,
        output_as=_transformation(compiler, foreach, pointer, "output", DEFINITION | inner),
        export_as=_transformation(compiler, foreach, pointer, "export", EXPORT | inner),
        output_schema=_schema(compiler, place, foreach, "output"),
        export_schema=_schema(compiler, place, foreach, "export"),
    )


def _transformation(
    compiler: Compiler, foreach: dict[str, Json], pointer: str, key: str, visible: Collection[str]
) -> Template | None:
    section, pointer = compiler.section(foreach, key, pointer), f"{pointer}/{key}"
    compiler.keys(section, ("schema", "as"), pointer)
    value = section.get("as")
    if value is None:
        return None
    compiled = compiler.expression if isinstance(value, str) else compiler.value
    return compiled(value, f"{pointer}/as", visible)


def _schema(compiler: Compiler, place: Place, foreach: dict[str, Json], key: str) -> Schema | FetchedSchema | None:
    """Compile a schema; one that is fetched is the same for all items, so where it is has nothing of an item."""
    section, pointer = foreach.get(key), place.at("foreach", key)
    if not isinstance(section, dict) or "schema" not in section:
        return None
    what = "context" if key == "export" else "output of an item"
    return compile_any_schema(compiler, section["schema"], f"{pointer}/schema", what, DEFINITION | place.variables)
