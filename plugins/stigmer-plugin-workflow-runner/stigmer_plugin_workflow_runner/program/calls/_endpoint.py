"""Endpoints: a URI, or an object with one and an authentication policy; and what an activity answers about them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from stigmer_core.program import ActivityFailed
from stigmer_plugin_workflow_runner.expressions.values import to_text
from stigmer_plugin_workflow_runner.program.calls._authentication import compile_authentication
from stigmer_plugin_workflow_runner.program.faults import TaskFault, error_of, fault
from stigmer_plugin_workflow_runner.program.secrets import hidden

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

_VARIABLE = re.compile(r"\{([A-Za-z_][\w.-]*)\}")
_ABSOLUTE = re.compile(r"(https?://[^\s/?#]+([/?#]\S*)?|\{\S+|\$\{.*)$", re.IGNORECASE | re.DOTALL)
_EXAMPLE = "such as https://example.com/pets/{id}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URI and its authentication; the `{names}` of a literal URI are taken from the task's input."""

    uri: Template
    authentication: Template
    is_template: bool

    def evaluate(self, execution: Execution, frame_id: str) -> dict[str, Any]:
        """Return the endpoint as activities take it; with what errors may show of a URI that holds a secret.

        Raises:
            TaskFault: the URI is no string, or the input does not have what it asks for.
        """
        uri = execution.evaluate(self.uri, frame_id)
        if not isinstance(uri, str):
            raise fault("configuration", "the endpoint's URI is not a string")
        if self.is_template:
            uri = _expanded(uri, execution.input(frame_id))
        shown = {"shown": hidden(uri)} if hidden(uri) != uri else {}
        return {"uri": uri, "authentication": execution.evaluate(self.authentication, frame_id), **shown}


def compile_endpoint(compiler: Compiler, endpoint: Json, pointer: str, visible: frozenset[str]) -> Endpoint:
    """Compile an endpoint in either form."""
    where = pointer
    if isinstance(endpoint, dict):
        compiler.keys(endpoint, ("uri", "authentication"), pointer)
        where = f"{pointer}/uri"
    else:
        endpoint = {"uri": endpoint}
    if not isinstance(endpoint.get("uri"), str) or not endpoint["uri"]:
        compiler.problem(where, "an endpoint has a URI", _EXAMPLE)
    elif not _ABSOLUTE.match(endpoint["uri"]):
        compiler.problem(where, f"{endpoint['uri']!r} is not the URI of an endpoint", _EXAMPLE)
    uri = compiler.value(endpoint.get("uri"), where, visible)
    policy = compile_authentication(compiler, endpoint.get("authentication"), f"{pointer}/authentication", visible)
    return Endpoint(uri, policy, uri.is_constant)


def complete_with(execution: Execution, frame_id: str, answer: Answer) -> None:
    """Complete a task with what its activity returned.

    Raises:
        TaskFault: the activity failed.
    """
    if isinstance(answer, ActivityFailed):
        raise TaskFault(error_of(answer.failure))
    execution.complete(frame_id, getattr(answer, "result", None))


def _expanded(uri: str, value: Json) -> str:
    def replace(match: re.Match[str]) -> str:
        found = value.get(match.group(1)) if isinstance(value, dict) else None
        if found is None:
            raise fault("configuration", f"the input has no {match.group(1)!r}, which the URI {uri!r} asks for")
        if found in (".", ".."):
            raise fault("configuration", f"{match.group(1)!r} is {found!r}, which would lead out of the URI {uri!r}")
        return quote(found if isinstance(found, str) else to_text(found), safe="")

    return _VARIABLE.sub(replace, uri)
