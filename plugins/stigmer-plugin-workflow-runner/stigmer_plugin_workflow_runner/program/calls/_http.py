"""`call: http`: asks for the activity `http` and puts out what it returns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from stigmer_core.program import ActivityFailed
from stigmer_plugin_workflow_runner.expressions.values import to_text
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.faults import TaskFault, error_of, fault

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

OUTPUTS = ("content", "response", "raw")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_VARIABLE = re.compile(r"\{([A-Za-z_][\w.-]*)\}")
_SCHEMES = {"basic": ("username", "password"), "bearer": ("token",)}


@dataclass(frozen=True, slots=True)
class CallHttp:
    """The arguments of the call; the endpoint's `{names}` are taken from the task's input."""

    arguments: Template
    uri: Template
    authentication: Template
    is_template: bool

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for the call."""
        uri = execution.evaluate(self.uri, frame_id)
        if not isinstance(uri, str):
            raise fault("configuration", "the endpoint's URI is not a string")
        if self.is_template:
            uri = _expanded(uri, execution.input(frame_id))
        arguments = execution.evaluate(self.arguments, frame_id)
        for key in ("headers", "query"):
            if not isinstance(arguments.get(key, {}), dict):
                raise fault("configuration", f"the {key} of the call are not an object")
        authentication = execution.evaluate(self.authentication, frame_id)
        execution.call(frame_id, "http", {**arguments, "uri": uri, "authentication": authentication})

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with the response, or fault."""
        if isinstance(answer, ActivityFailed):
            raise TaskFault(error_of(answer.failure))
        execution.complete(frame_id, getattr(answer, "result", None))


def _expanded(uri: str, value: Json) -> str:
    def replace(match: re.Match[str]) -> str:
        found = value.get(match.group(1)) if isinstance(value, dict) else None
        if found is None:
            raise fault("configuration", f"the input has no {match.group(1)!r}, which the URI {uri!r} asks for")
        return quote(found if isinstance(found, str) else to_text(found), safe="")

    return _VARIABLE.sub(replace, uri)


def compile_call(compiler: Compiler, place: Place) -> CallHttp:
    """Compile a `call: http`."""
    section = compiler.section(place.definition, "with", place.pointer)
    pointer, visible = place.at("with"), DEFINITION | place.variables
    compiler.keys(section, ("method", "endpoint", "headers", "query", "body", "output", "redirect"), pointer)
    _check(compiler, section, pointer)
    endpoint = section.get("endpoint")
    endpoint, where = (endpoint, "/endpoint") if isinstance(endpoint, dict) else ({"uri": endpoint}, "")
    compiler.keys(endpoint, ("uri", "authentication"), pointer + where)
    uri = compiler.value(endpoint.get("uri"), f"{pointer}{where or '/endpoint'}", visible)
    arguments: dict[str, Json] = {
        "method": str(section.get("method", "GET")).upper(),
        "output": section.get("output", "content"),
        "redirect": section.get("redirect", False),
        **{key: section[key] for key in ("headers", "query", "body") if key in section},
    }
    return CallHttp(
        arguments=compiler.value(arguments, pointer, visible),
        uri=uri,
        authentication=_authentication(compiler, endpoint.get("authentication"), pointer, visible),
        is_template=uri.is_constant,
    )


def _check(compiler: Compiler, section: dict[str, Any], pointer: str) -> None:
    if not section.get("endpoint"):
        compiler.problem(pointer, "an HTTP call has an 'endpoint'")
    if str(section.get("method", "")).upper() not in METHODS:
        compiler.problem(f"{pointer}/method", f"unknown method {section.get('method')!r}", ", ".join(METHODS))
    if section.get("output", "content") not in OUTPUTS:
        compiler.problem(f"{pointer}/output", f"unknown output {section['output']!r}", ", ".join(OUTPUTS))
    if not isinstance(section.get("redirect", False), bool):
        compiler.problem(f"{pointer}/redirect", "expected true or false")


def _authentication(compiler: Compiler, policy: Json, pointer: str, visible: frozenset[str]) -> Template:
    where = f"{pointer}/endpoint/authentication"
    if isinstance(policy, dict) and isinstance(policy.get("use"), str):
        policy = compiler.named("authentications", policy["use"], f"{where}/use")
    if policy is None or policy == {}:
        return compiler.value(None, where, visible)
    scheme = next(iter(policy)) if isinstance(policy, dict) and len(policy) == 1 else ""
    if scheme not in _SCHEMES:
        compiler.problem(where, f"authentication {scheme!r} is not supported by this version", "basic or bearer")
    elif not isinstance(policy[scheme], dict) or any(key not in policy[scheme] for key in _SCHEMES[scheme]):
        compiler.problem(f"{where}/{scheme}", f"{scheme} authentication has {' and '.join(_SCHEMES[scheme])}")
    return compiler.value(policy, where, visible)
