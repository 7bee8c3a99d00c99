"""Schemas that stand elsewhere: fetched before a task needs them, and kept in the run's state.

Source: DSL reference, "Schema" and "External Resource".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from stigmer_core.program import ActivityFailed
from stigmer_plugin_workflow_runner.program.calls._resource import compile_resource
from stigmer_plugin_workflow_runner.program.faults import TaskFault, error_of, fault
from stigmer_plugin_workflow_runner.program.schemas import Schema, compile_json_schema, compile_schema

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.calls._endpoint import Endpoint
    from stigmer_plugin_workflow_runner.program.compiler import Compiler
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution

MOST = 100  # schemas that a run keeps
_FETCH = "?schema"  # in the id of the activity; no position has it


@dataclass(frozen=True, slots=True)
class FetchedSchema:
    """Where a schema is, what it describes, and at which pointer the document says so."""

    what: str
    endpoint: Endpoint
    pointer: str


class _Problems:
    def __init__(self) -> None:
        self.found: list[str] = []

    def problem(self, pointer: str, message: str, hint: str = "") -> None:
        """Note a problem."""
        self.found.append(f"{message} at {pointer or '/'}" + (f" ({hint})" if hint else ""))


def compile_any_schema(
    compiler: Compiler, section: Json, pointer: str, what: str, visible: frozenset[str]
) -> Schema | FetchedSchema | None:
    """Compile a schema that is written out, or that is fetched."""
    if not isinstance(section, dict) or "resource" not in section or "document" in section:
        return compile_schema(compiler, section, pointer, what)
    others = {key: value for key, value in section.items() if key != "resource"}
    compile_schema(compiler, {**others, "document": {}}, pointer, what)
    endpoint = compile_resource(compiler, section, "resource", pointer, visible)
    return None if endpoint is None else FetchedSchema(what, endpoint, pointer)


def begin(execution: Execution, frame_id: str, schemas: tuple[Schema | FetchedSchema | None, ...], then: Json) -> bool:
    """Ask for the first of the schemas that is not there yet, after which an action follows; False when none is.

    Where each of them is counts as of now: `validate` finds it although the context may change until then.
    """
    for schema in schemas:
        if not isinstance(schema, FetchedSchema):
            continue
        endpoint, frame = schema.endpoint.evaluate(execution, frame_id), execution.change(frame_id)
        frame["schemas"] = {**frame.get("schemas", {}), schema.pointer: _key(endpoint)}
        if _key(endpoint) not in execution.state.get("schemas", {}):
            frame["fetches"] = frame.get("fetches", 0) + 1
            frame["fetching"] = [_key(endpoint), then]
            again = execution.state.get("recoveries", 0)
            execution.call(frame_id, "schema", endpoint, key=f"{frame_id}{_FETCH}{frame['fetches']}~{again}")
            return True
    return False


def is_answered_by(frame_id: str, command_id: str) -> bool:
    """Return whether a command of a task fetches a schema."""
    return command_id.startswith(f"{frame_id}{_FETCH}")


def answered(execution: Execution, frame_id: str, answer: Answer) -> None:
    """Keep a schema, the oldest ones that no task needs any longer, and go on.

    Raises:
        TaskFault: it could not be fetched.
    """
    key, then = execution.change(frame_id).pop("fetching")
    if isinstance(answer, ActivityFailed):
        raise TaskFault(error_of(answer.failure))
    kept = {**execution.state.get("schemas", {}), key: getattr(answer, "result", None)}
    if len(kept) > MOST:
        needed = {key for frame in execution.frames.values() for key in frame.get("schemas", {}).values()}
        for old in [old for old in kept if old not in needed][: len(kept) - MOST]:
            del kept[old]
    execution.state["schemas"] = kept
    execution.ready.append(then)


def validate(execution: Execution, frame_id: str, schema: Schema | FetchedSchema | None, value: Json) -> None:
    """Check a value, if there is a schema for it.

    Raises:
        TaskFault: it does not fit, or the schema that was fetched is none.
    """
    if isinstance(schema, FetchedSchema):
        found = execution.state["schemas"][execution.frame(frame_id)["schemas"][schema.pointer]]
        schema = _compiled(json.dumps(found), schema.what)
    if schema is not None:
        schema.validate(value)


@lru_cache(maxsize=32)
def _compiled(text: str, what: str) -> Schema:
    problems = _Problems()
    schema = compile_json_schema(problems, json.loads(text), "", what)
    if schema is None:
        raise fault("configuration", f"the schema of the {what} cannot be used: {'; '.join(problems.found)}"[:500])
    return schema


def _key(endpoint: Json) -> str:
    return json.dumps(endpoint, sort_keys=True)
