"""`call: asyncapi`: a message to a channel that an AsyncAPI document describes; over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.calls._described import DescribedCall, compile_document, compile_policy

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place

PROTOCOLS = ("http", "https")
_KEYS = ("document", "channel", "operation", "server", "protocol", "message", "subscription", "authentication")


def compile_call(compiler: Compiler, place: Place) -> DescribedCall:
    """Compile a `call: asyncapi`."""
    section = compiler.section(place.definition, "with", place.pointer)
    pointer, visible = place.at("with"), DEFINITION | place.variables
    compiler.keys(section, _KEYS, pointer)
    _check(compiler, section, pointer)
    message = compiler.section(section, "message", pointer)
    server = compiler.section(section, "server", pointer)
    compiler.keys(message, ("payload", "headers"), f"{pointer}/message")
    compiler.keys(server, ("name", "variables"), f"{pointer}/server")
    arguments: dict[str, Any] = {
        **{key: section[key] for key in ("channel", "operation", "server", "protocol") if key in section},
        "payload": message.get("payload"),
        "headers": message.get("headers", {}),
    }
    return DescribedCall(
        activity="asyncapi",
        arguments=compiler.value(arguments, pointer, visible),
        document=compile_document(compiler, section, pointer, visible),
        authentication=compile_policy(compiler, section, pointer, visible),
        named="headers",
    )


def _check(compiler: Compiler, section: dict[str, Any], pointer: str) -> None:
    if "subscription" in section:
        message = "subscriptions of AsyncAPI are not supported by this version"
        compiler.problem(f"{pointer}/subscription", message, "'listen' waits for events")
    elif "message" not in section:
        compiler.problem(pointer, "an AsyncAPI call has a 'message'")
    if not section.get("operation") and not section.get("channel"):
        compiler.problem(pointer, "an AsyncAPI call has an 'operation', or a 'channel' of AsyncAPI 2")
    if isinstance(section.get("server"), dict) and not section["server"].get("name"):
        compiler.problem(f"{pointer}/server", "a server has a 'name'")
    protocol = section.get("protocol", "http")
    if protocol not in PROTOCOLS:
        text = f"the protocol {protocol!r} is not supported by this version"
        compiler.problem(f"{pointer}/protocol", text, ", ".join(PROTOCOLS))
