"""One module per protocol that `call` speaks; each has `compile_call`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from stigmer_plugin_workflow_runner.program.calls import _http

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Body


class CallModule(Protocol):
    """What a module of a protocol has."""

    def compile_call(self, compiler: Compiler, place: Place) -> Body:
        """Compile the call's `with`, noting problems on the way."""


CALLS: Mapping[str, CallModule] = {
    "http": _http,
}
