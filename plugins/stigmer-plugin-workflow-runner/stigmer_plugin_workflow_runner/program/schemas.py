"""JSON schemas of inputs, outputs and the context: compiled with the document, and checked by the program.

Nothing is fetched and no pattern backtracks, so that a check depends on its value alone and ends soon.

Source: DSL reference, "Schema".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from stigmer_plugin_workflow_runner.program.faults import fault
from stigmer_plugin_workflow_runner.program.schema_cost import SchemaCost, cost_of
from stigmer_plugin_workflow_runner.program.secrets import hidden
from stigmer_plugin_workflow_runner.program.templates import escaped

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler

LONGEST_DETAIL = 500  # characters of what the validator says
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_KEYS = ("format", "document", "resource")


class Noting(Protocol):
    """What problems are told to."""

    def problem(self, pointer: str, message: str, hint: str = "") -> None:
        """Note a problem."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that is ready; `what` it describes is named in its faults."""

    what: str
    validator: Any
    cost: SchemaCost

    def validate(self, value: Json) -> None:
        """Check a value.

        Raises:
            TaskFault: it does not fit, as the standard validation error, which says where.
        """
        import jsonschema_rs  # noqa: PLC0415 - not for a command line

        if not self.cost.is_bearable(value):
            raise fault("validation", f"the {self.what} is too large or too deep for its schema")
        try:
            self.validator.validate(hidden(value))
        except jsonschema_rs.ValidationError as error:
            where = _pointer(error.instance_path) or "/"
            detail = f"the {self.what} does not fit its schema at {where}: {error.message}"
            raise fault("validation", detail[:LONGEST_DETAIL]) from error


def compile_schema(compiler: Compiler, section: Json, pointer: str, what: str) -> Schema | None:
    """Compile the `schema` of a section."""
    if not isinstance(section, dict):
        compiler.problem(pointer, "a schema is an object", "such as {document: {type: object}}")
        return None
    compiler.keys(section, _KEYS, pointer)
    written = section.get("format", "json")
    if not isinstance(written, str) or written.partition(":")[0] != "json":
        compiler.problem(f"{pointer}/format", f"the format {written!r} is not supported by this version", "json")
        return None
    if "resource" in section:
        compiler.problem(f"{pointer}/resource", "a schema has a 'document' or a 'resource', not both")
        return None
    if "document" not in section:
        compiler.problem(pointer, "a schema has a 'document'", "the JSON schema stands under it")
        return None
    return compile_json_schema(compiler, section["document"], f"{pointer}/document", what)


def compile_json_schema(compiler: Noting, document: Json, pointer: str, what: str) -> Schema | None:
    """Compile a JSON schema that stands there as it is."""
    import jsonschema_rs  # noqa: PLC0415 - not for a command line

    cost, problems = cost_of(document)
    for problem in problems:
        compiler.problem(pointer + problem.pointer, problem.message, problem.hint)
    if cost is None:
        return None
    try:
        if isinstance(document, dict) and "$schema" not in document:
            jsonschema_rs.meta.validate(document)  # says what it found, which the validator hides
        validator = jsonschema_rs.validator_for(
            document,
            mask="the value",
            retriever=_refuse,
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except (jsonschema_rs.ValidationError, ValueError) as error:
        where = _pointer(getattr(error, "instance_path", ()))
        said = getattr(error, "message", str(error))
        hint = f"one of {', '.join(_TYPES)}" if where.endswith("/type") else ""
        hint = hint or ("without look-around and back references" if said.endswith('"regex"') else "")
        compiler.problem(pointer + where, f"the schema is not valid: {said}"[:LONGEST_DETAIL], hint)
        return None
    return Schema(what, validator, cost)


def _refuse(uri: str) -> Json:
    raise ValueError(f"{uri} is not fetched")


def _pointer(path: Any) -> str:
    return "".join(f"/{escaped(str(token))}" for token in path)
