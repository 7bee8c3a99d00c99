"""`call: openapi`: an operation, by its id in an OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.calls._described import DescribedCall, compile_document, compile_policy
from stigmer_plugin_workflow_runner.program.calls._http import check_output
from stigmer_plugin_workflow_runner.program.templates import expression_text

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place

_KEYS = ("document", "operationId", "parameters", "authentication", "output", "redirect")


def compile_call(compiler: Compiler, place: Place) -> DescribedCall:
    """Compile a `call: openapi`."""
    section = compiler.section(place.definition, "with", place.pointer)
    pointer, visible = place.at("with"), DEFINITION | place.variables
    compiler.keys(section, _KEYS, pointer)
    _check(compiler, section, pointer)
    arguments = {
        "operationId": section.get("operationId"),
        "parameters": section.get("parameters", {}),
        "output": section.get("output", "content"),
        "redirect": section.get("redirect", False),
    }
    return DescribedCall(
        activity="openapi",
        arguments=compiler.value(arguments, pointer, visible),
        document=compile_document(compiler, section, pointer, visible),
        authentication=compile_policy(compiler, section, pointer, visible),
        named="parameters",
    )


def _check(compiler: Compiler, section: dict[str, Any], pointer: str) -> None:
    operation, parameters = section.get("operationId"), section.get("parameters", {})
    if not isinstance(operation, str) or not operation:
        compiler.problem(f"{pointer}/operationId", "an OpenAPI call has an 'operationId'")
    if not isinstance(parameters, dict) and not (isinstance(parameters, str) and expression_text(parameters)):
        compiler.problem(f"{pointer}/parameters", "expected an object, by the names of parameters")
    check_output(compiler, section, pointer)
