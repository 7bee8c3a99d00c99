"""Calls of what a description says: of an operation in an OpenAPI or AsyncAPI document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.calls._authentication import compile_authentication
from stigmer_plugin_workflow_runner.program.calls._endpoint import Endpoint, compile_endpoint, complete_with
from stigmer_plugin_workflow_runner.program.calls._http import secret_names

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template


@dataclass(frozen=True, slots=True)
class DescribedCall:
    """A call: the activity that makes it, its arguments, where its description is, and who calls."""

    activity: str
    arguments: Template
    document: Endpoint
    authentication: Template
    named: str  # the argument whose parts may be secrets, which an output does not show

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for the call."""
        arguments = execution.evaluate(self.arguments, frame_id)
        values = arguments.get(self.named)
        arguments = {
            **arguments,
            "document": self.document.evaluate(execution, frame_id),
            "authentication": execution.evaluate(self.authentication, frame_id),
        }
        if isinstance(values, dict) and (secret := secret_names(values)):
            arguments["secret"] = secret
        execution.call(frame_id, self.activity, arguments)

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with the response, or fault."""
        complete_with(execution, frame_id, answer)


def compile_document(compiler: Compiler, section: dict[str, Any], pointer: str, visible: frozenset[str]) -> Endpoint:
    """Compile `document`: an external resource."""
    document = compiler.section(section, "document", pointer)
    compiler.keys(document, ("name", "endpoint"), f"{pointer}/document")
    if "endpoint" not in document:
        compiler.problem(f"{pointer}/document", "a document has an 'endpoint'")
        return compile_endpoint(compiler, "none", f"{pointer}/document/endpoint", visible)
    return compile_endpoint(compiler, document["endpoint"], f"{pointer}/document/endpoint", visible)


def compile_policy(compiler: Compiler, section: dict[str, Any], pointer: str, visible: frozenset[str]) -> Template:
    """Compile the call's `authentication`."""
    return compile_authentication(compiler, section.get("authentication"), f"{pointer}/authentication", visible)
