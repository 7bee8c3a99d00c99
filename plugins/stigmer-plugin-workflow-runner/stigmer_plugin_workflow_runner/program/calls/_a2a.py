"""`call: a2a`: a method of another agent, which its card or the address of its server leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.calls._endpoint import Endpoint, compile_endpoint, complete_with
from stigmer_plugin_workflow_runner.program.calls._resource import check_object, compile_resource

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

METHODS = (
    "message/send",
    "message/stream",
    "tasks/get",
    "tasks/list",
    "tasks/cancel",
    "tasks/resubscribe",
    "tasks/pushNotificationConfig/set",
    "tasks/pushNotificationConfig/get",
    "tasks/pushNotificationConfig/list",
    "tasks/pushNotificationConfig/delete",
    "agent/getAuthenticatedExtendedCard",
)


@dataclass(frozen=True, slots=True)
class CallA2a:
    """The arguments of the call, and where the agent is: a server is not looked at when there is a card."""

    arguments: Template
    card: Endpoint | None
    server: Endpoint | None

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for the call."""
        arguments = execution.evaluate(self.arguments, frame_id)
        for name, endpoint in (("card", self.card), ("server", self.server)):
            if endpoint is not None:
                arguments = {**arguments, name: endpoint.evaluate(execution, frame_id)}
                break
        execution.call(frame_id, "a2a", arguments)

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with the result, or with the list of those of a stream; or fault."""
        complete_with(execution, frame_id, answer)


def compile_call(compiler: Compiler, place: Place) -> CallA2a:
    """Compile a `call: a2a`."""
    section = compiler.section(place.definition, "with", place.pointer)
    pointer, visible = place.at("with"), DEFINITION | place.variables
    compiler.keys(section, ("agentCard", "server", "method", "parameters"), pointer)
    method = section.get("method")
    if method not in METHODS:
        hint = compiler.meant(method, METHODS) or ", ".join(METHODS)
        compiler.problem(f"{pointer}/method", f"unknown method {method!r}", hint)
    if "agentCard" not in section and "server" not in section:
        compiler.problem(pointer, "a call of an agent has an 'agentCard' or a 'server'")
    check_object(compiler, section, "parameters", pointer)
    server = section.get("server")
    arguments: dict[str, Json] = {"method": method, "parameters": section.get("parameters", {})}
    return CallA2a(
        arguments=compiler.value(arguments, pointer, visible),
        card=compile_resource(compiler, section, "agentCard", pointer, visible),
        server=compile_endpoint(compiler, server, f"{pointer}/server", visible) if "server" in section else None,
    )
