"""`call: http`: asks for the activity `http` and puts out what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.calls._endpoint import Endpoint, compile_endpoint, complete_with
from stigmer_plugin_workflow_runner.program.faults import fault
from stigmer_plugin_workflow_runner.program.secrets import hidden
from stigmer_plugin_workflow_runner.program.templates import expression_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

OUTPUTS = ("content", "response", "raw")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class CallHttp:
    """The arguments of the call, and where it goes."""

    arguments: Template
    endpoint: Endpoint

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for the call."""
        endpoint = self.endpoint.evaluate(execution, frame_id)
        arguments = execution.evaluate(self.arguments, frame_id)
        for key in ("headers", "query"):
            if not isinstance(arguments.get(key) or {}, dict):
                raise fault("configuration", f"the {key} of the call are not an object")
        secret = secret_names(arguments.get("headers") or {}) + secret_names(arguments.get("query") or {})
        known = {"secret": secret} if secret else {}
        execution.call(frame_id, "http", {**arguments, **endpoint, **known})

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with the response, or fault."""
        complete_with(execution, frame_id, answer)


def secret_names(values: Mapping[str, Json]) -> list[str]:
    """Return the names of those values that hold a secret: an output does not show them."""
    return [name for name, value in values.items() if hidden(value) != value]


def compile_call(compiler: Compiler, place: Place) -> CallHttp:
    """Compile a `call: http`."""
    section = compiler.section(place.definition, "with", place.pointer)
    pointer, visible = place.at("with"), DEFINITION | place.variables
    compiler.keys(section, ("method", "endpoint", "headers", "query", "body", "output", "redirect"), pointer)
    if str(section.get("method", "")).upper() not in METHODS:
        wrong = f"unknown method {section['method']!r}" if "method" in section else "an HTTP call has a 'method'"
        compiler.problem(f"{pointer}/method", wrong, f"one of {', '.join(METHODS)}")
    for key in ("headers", "query"):
        value = section.get(key) or {}
        if not isinstance(value, dict) and not (isinstance(value, str) and expression_text(value)):
            compiler.problem(f"{pointer}/{key}", f"{key!r} is an object, by names, or an expression that makes one")
    check_output(compiler, section, pointer)
    arguments: dict[str, Json] = {
        "method": str(section.get("method", "GET")).upper(),
        "output": section.get("output", "content"),
        "redirect": section.get("redirect", False),
        **{key: section[key] for key in ("headers", "query", "body") if key in section},
    }
    return CallHttp(
        arguments=compiler.value(arguments, pointer, visible),
        endpoint=compile_endpoint(compiler, section.get("endpoint"), f"{pointer}/endpoint", visible),
    )


def check_output(compiler: Compiler, section: dict[str, Any], pointer: str) -> None:
    """Note what is wrong with `output` and `redirect`."""
    if section.get("output", "content") not in OUTPUTS:
        compiler.problem(f"{pointer}/output", f"unknown output {section['output']!r}", ", ".join(OUTPUTS))
    if not isinstance(section.get("redirect", False), bool):
        compiler.problem(f"{pointer}/redirect", "expected true or false")
