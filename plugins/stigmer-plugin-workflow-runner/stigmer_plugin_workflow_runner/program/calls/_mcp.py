"""`call: mcp`: a method of an MCP server, which is reached over HTTP or started as a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.calls._endpoint import Endpoint, compile_endpoint, complete_with
from stigmer_plugin_workflow_runner.program.calls._http import secret_names
from stigmer_plugin_workflow_runner.program.calls._resource import check_object
from stigmer_plugin_workflow_runner.program.durations import parse_duration
from stigmer_plugin_workflow_runner.program.faults import fault
from stigmer_plugin_workflow_runner.program.mcp import METHODS, USUAL_VERSION, VERSIONS
from stigmer_plugin_workflow_runner.program.templates import expression_text

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

_USUAL_CLIENT = {"name": "stigmer", "version": "1"}
_WITH = ("protocolVersion", "method", "parameters", "timeout", "transport", "client")
_KEYS = {"http": ("endpoint", "headers"), "stdio": ("command", "arguments", "environment")}
_GIVEN = {"http": "headers", "stdio": "environment"}


@dataclass(frozen=True, slots=True)
class CallMcp:
    """What is asked, the rest of the transport, where a server of HTTP is, and how long the call may take."""

    arguments: Template
    transport: Template
    endpoint: Endpoint | None
    timeout: Template | None

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for the call."""
        arguments = execution.evaluate(self.arguments, frame_id)
        if not isinstance(arguments["parameters"], dict):
            raise fault("configuration", "the parameters of the call are not an object")
        kind, transport = next(iter(execution.evaluate(self.transport, frame_id).items()))
        given = transport.get(_GIVEN[kind]) or {}
        if not isinstance(given, dict):
            raise fault("configuration", f"the {_GIVEN[kind]} of the transport {kind!r} are not an object")
        if secret := secret_names(given):
            transport = {**transport, "secret": secret}
        if self.endpoint is not None:
            transport = {**transport, **self.endpoint.evaluate(execution, frame_id)}
        if self.timeout is not None:
            seconds = parse_duration(execution.evaluate(self.timeout, frame_id)).total_seconds()
            arguments = {**arguments, "timeoutSeconds": seconds}
        execution.call(frame_id, "mcp", {**arguments, kind: transport})

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with the result, or fault."""
        complete_with(execution, frame_id, answer)


def compile_call(compiler: Compiler, place: Place) -> CallMcp:
    """Compile a `call: mcp`."""
    section = compiler.section(place.definition, "with", place.pointer)
    pointer, visible = place.at("with"), DEFINITION | place.variables
    compiler.keys(section, _WITH, pointer)
    _check_method(compiler, section, pointer)
    _check_client(compiler, section, pointer)
    transport = _transport(compiler, section, pointer)
    arguments: dict[str, Json] = {
        "method": section.get("method"),
        "parameters": section.get("parameters", {}),
        "protocolVersion": section.get("protocolVersion", USUAL_VERSION),
        "client": section.get("client", _USUAL_CLIENT),
    }
    where = f"{pointer}/transport"
    rest = {kind: {key: part[key] for key in part if key != "endpoint"} for kind, part in transport.items()}
    endpoint, timeout = None, None
    if "http" in transport:
        at = f"{where}/http/endpoint"
        endpoint = compile_endpoint(compiler, transport["http"].get("endpoint"), at, visible)
    if "timeout" in section:
        timeout = compiler.duration(section["timeout"], f"{pointer}/timeout", visible)
    return CallMcp(
        arguments=compiler.value(arguments, pointer, visible),
        transport=compiler.value(rest, where, visible),
        endpoint=endpoint,
        timeout=timeout,
    )


def _check_method(compiler: Compiler, section: dict[str, Any], pointer: str) -> None:
    method, parameters = section.get("method"), section.get("parameters", {})
    needed = METHODS.get(method) if isinstance(method, str) else None
    if needed is None:
        hint = compiler.meant(method, METHODS) or ", ".join(METHODS)
        compiler.problem(f"{pointer}/method", f"unknown method {method!r}", hint)
    check_object(compiler, section, "parameters", pointer)
    if needed and isinstance(parameters, dict) and not parameters.get(needed):
        where = f"{pointer}/parameters" if "parameters" in section else pointer
        compiler.problem(where, f"the parameters of {method!r} have a {needed!r}")


def _check_client(compiler: Compiler, section: dict[str, Any], pointer: str) -> None:
    version = section.get("protocolVersion", USUAL_VERSION)
    if version not in VERSIONS and not _is_expression(version):
        compiler.problem(f"{pointer}/protocolVersion", f"unknown version {version!r} of MCP", ", ".join(VERSIONS))
    if "client" not in section:
        return
    client, where = compiler.section(section, "client", pointer), f"{pointer}/client"
    compiler.keys(client, ("name", "version"), where)
    for key in ("name", "version"):
        if not isinstance(client.get(key), str) or not client[key]:
            compiler.problem(where, f"a client has a {key!r}, which is a text")


def _transport(compiler: Compiler, section: dict[str, Any], pointer: str) -> dict[str, dict[str, Any]]:
    """Return the one transport of a call, by its kind; `options` are of transports that are not known here."""
    transport, where = compiler.section(section, "transport", pointer), f"{pointer}/transport"
    compiler.keys(transport, tuple(_KEYS), where)
    kinds = [kind for kind in _KEYS if kind in transport]
    if len(kinds) != 1:
        compiler.problem(
            where if "transport" in section else pointer, "a call of MCP has one transport, 'http' or 'stdio'"
        )
        return {"http": {"endpoint": "http://missing"}}
    kind = kinds[0]
    part, where = compiler.section(transport, kind, where), f"{where}/{kind}"
    compiler.keys(part, _KEYS[kind], where)
    check_object(compiler, part, _GIVEN[kind], where)
    if kind == "stdio":
        _check_command(compiler, part, where)
    return {kind: part}


def _check_command(compiler: Compiler, stdio: dict[str, Any], pointer: str) -> None:
    if not isinstance(stdio.get("command"), str) or not stdio["command"]:
        compiler.problem(
            pointer, "the transport 'stdio' has a 'command'", "such as {command: python3, arguments: [a.py]}"
        )
    arguments = stdio.get("arguments", [])
    if not isinstance(arguments, list) and not _is_expression(arguments):
        compiler.problem(f"{pointer}/arguments", "the arguments of a command are a list")


def _is_expression(value: Json) -> bool:
    return isinstance(value, str) and expression_text(value) is not None
