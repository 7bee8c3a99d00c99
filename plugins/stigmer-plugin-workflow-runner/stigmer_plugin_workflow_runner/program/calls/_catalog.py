"""`call` of a function that is defined elsewhere: `name:version@catalog`, or a URL.

The definition is fetched when the task runs, and runs as a child: what it says is checked then, and it sees its
arguments and nothing else, no secrets and no context.

Source: DSL, "Catalogs".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_core.program import ActivityFailed, ChildDone
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.calls._endpoint import Endpoint, compile_endpoint
from stigmer_plugin_workflow_runner.program.calls._function import compile_arguments, function_input
from stigmer_plugin_workflow_runner.program.faults import TaskFault, error_of, fault
from stigmer_plugin_workflow_runner.program.secrets import hidden

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

DEEPEST = 16  # functions that call functions, and workflows that run others
_CATALOGED = re.compile(r"([\w.-]+):([\w.+-]+)@([\w.-]+)")
_HOSTED = re.compile(r"https://(github|gitlab)\.com/([^/]+/[^/]+)(?:/(?:-/)?(?:tree|blob)/([^/]+))?(/.*)?")
_NAMED = re.compile(r"https://github\.com/([^/]+/[^/]+)/(.+)@([^/@]+)")


@dataclass(frozen=True, slots=True)
class CallRemote:
    """Where the function is, and what it gets."""

    arguments: Template
    endpoint: Endpoint
    path: str  # below a catalog's endpoint; empty for a URL of its own
    name: str

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for the definition."""
        if execution.state.get("depth", 0) >= DEEPEST:
            raise fault("runtime", f"functions call each other more than {DEEPEST} deep")
        execution.change(frame_id)["given"] = function_input(execution, frame_id, self.arguments)
        endpoint = self.endpoint.evaluate(execution, frame_id)
        execution.call(frame_id, "function", {**endpoint, "uri": raw_uri(endpoint["uri"].rstrip("/") + self.path)})

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Run the definition as a child, and complete with its output, or fault with its error."""
        if isinstance(answer, ActivityFailed):
            raise TaskFault(error_of(answer.failure))
        if not isinstance(answer, ChildDone):
            execution.start_child(frame_id, "workflow", self._child(execution, frame_id, getattr(answer, "result", {})))
        elif answer.failure is not None:
            raise TaskFault(error_of(answer.failure))
        else:
            execution.complete(frame_id, answer.output)

    def _child(self, execution: Execution, frame_id: str, definition: Any) -> Json:
        header = {**execution.document.definition["document"], "name": self.name}
        return {
            "id": f"{execution.state['id']}{frame_id}",
            "document": {"document": header, "do": [{self.name: hidden(definition)}]},
            "input": execution.change(frame_id).pop("given"),
            "depth": execution.state.get("depth", 0) + 1,
        }


def raw_uri(uri: str) -> str:
    """Return where the text of a file in a public repository is; any other URI stays."""
    if named := _NAMED.fullmatch(uri):
        repository, path, version = named.groups()
        return f"https://raw.githubusercontent.com/{repository}/{version}/{path}/function.yaml"
    if (hosted := _HOSTED.fullmatch(uri)) and hosted.group(4):
        host, repository, version, path = hosted.groups()
        if host == "gitlab":
            return f"https://gitlab.com/{repository}/-/raw/{version or 'HEAD'}{path}"
        return f"https://raw.githubusercontent.com/{repository}/{version or 'HEAD'}{path}"
    return uri


def is_remote(name: str) -> bool:
    """Return whether a call names a function that is defined elsewhere."""
    return "@" in name or name.startswith(("http://", "https://"))


def compile_remote_call(compiler: Compiler, place: Place, name: str) -> CallRemote | None:
    """Compile a call of a function that is defined elsewhere."""
    arguments, visible = compile_arguments(compiler, place), DEFINITION | place.variables
    if name.startswith(("http://", "https://")):
        return CallRemote(arguments, compile_endpoint(compiler, name, place.at("call"), visible), "", place.name)
    match = _CATALOGED.fullmatch(name)
    if match is None:
        hint = "name:version@catalog, or the URL of its definition"
        compiler.problem(place.at("call"), f"{name!r} does not name a function of a catalog", hint)
        return None
    function, version, catalog = match.groups()
    found = compiler.named("catalogs", catalog, place.at("call"))
    if not found:
        return None
    endpoint = compiler.catalog(catalog, found, visible)
    return CallRemote(arguments, endpoint, f"/functions/{function}/{version}/function.yaml", function)
