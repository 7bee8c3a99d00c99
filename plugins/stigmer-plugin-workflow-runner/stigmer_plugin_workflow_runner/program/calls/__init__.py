"""One module per protocol that `call` speaks; each has `compile_call`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from stigmer_plugin_workflow_runner.program.calls import (
    _a2a,
    _activity,
    _agent,
    _asyncapi,
    _delivery,
    _grpc,
    _http,
    _human,
    _jsonata,
    _llm,
    _mcp,
    _openapi,
    _validation,
    _workflow,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Body


class CallModule(Protocol):
    """What a module of a protocol has."""

    def compile_call(self, compiler: Compiler, place: Place) -> Body:
        """Compile the call's `with`, noting problems on the way."""


CALLS: Mapping[str, CallModule] = {
    "a2a": _a2a,
    "asyncapi": _asyncapi,
    "grpc": _grpc,
    "http": _http,
    "mcp": _mcp,
    "openapi": _openapi,
    "stigmer:activity": _activity,
    "stigmer:agent": _agent,
    "stigmer:deliver": _delivery,
    "stigmer:human": _human,
    "stigmer:jsonata": _jsonata,
    "stigmer:llm": _llm,
    "stigmer:notify": _delivery,
    "stigmer:validate": _validation,
    "stigmer:workflow": _workflow,
}
