"""`call: grpc`: a method of a service, which a proto document or the server itself describes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.calls._authentication import compile_authentication
from stigmer_plugin_workflow_runner.program.calls._endpoint import complete_with
from stigmer_plugin_workflow_runner.program.calls._resource import check_object, compile_resource
from stigmer_plugin_workflow_runner.program.templates import expression_text

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.calls._endpoint import Endpoint
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class CallGrpc:
    """The arguments of the call, where its description is, and who calls."""

    arguments: Template
    proto: Endpoint | None
    authentication: Template

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for the call."""
        arguments = execution.evaluate(self.arguments, frame_id)
        if self.proto is not None:
            arguments = {**arguments, "proto": self.proto.evaluate(execution, frame_id)}
        policy = execution.evaluate(self.authentication, frame_id)
        execution.call(frame_id, "grpc", {**arguments, "authentication": policy})

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with the answer, or with the list of those of a stream; or fault."""
        complete_with(execution, frame_id, answer)


def compile_call(compiler: Compiler, place: Place) -> CallGrpc:
    """Compile a `call: grpc`."""
    section = compiler.section(place.definition, "with", place.pointer)
    pointer, visible = place.at("with"), DEFINITION | place.variables
    compiler.keys(section, ("proto", "service", "method", "arguments"), pointer)
    service = compiler.section(section, "service", pointer)
    _check_service(compiler, service, f"{pointer}/service")
    if not isinstance(section.get("method"), str) or not section["method"]:
        compiler.problem(pointer, "a gRPC call has a 'method'")
    check_object(compiler, section, "arguments", pointer)
    arguments: dict[str, Json] = {
        "service": {key: service[key] for key in ("name", "host", "port") if key in service},
        "method": section.get("method"),
        "arguments": section.get("arguments", {}),
    }
    policy = service.get("authentication")
    return CallGrpc(
        arguments=compiler.value(arguments, pointer, visible),
        proto=compile_resource(compiler, section, "proto", pointer, visible),
        authentication=compile_authentication(compiler, policy, f"{pointer}/service/authentication", visible),
    )


def _check_service(compiler: Compiler, service: dict[str, Any], pointer: str) -> None:
    compiler.keys(service, ("name", "host", "port", "authentication"), pointer)
    for key in ("name", "host"):
        if not isinstance(service.get(key), str) or not service[key]:
            compiler.problem(pointer, f"a gRPC service has a {key!r}")
    if any(character in str(service.get("host", "")) for character in "/ @") and not _is_expression(service["host"]):
        compiler.problem(f"{pointer}/host", "the host of a service is a name or an address, without a scheme")
    port = service.get("port", 0)
    is_port = isinstance(port, int) and not isinstance(port, bool) and 0 <= port <= HIGHEST_PORT
    if not is_port and not _is_expression(port):
        compiler.problem(f"{pointer}/port", f"a port is a whole number up to {HIGHEST_PORT}")


def _is_expression(value: Json) -> bool:
    return isinstance(value, str) and expression_text(value) is not None
