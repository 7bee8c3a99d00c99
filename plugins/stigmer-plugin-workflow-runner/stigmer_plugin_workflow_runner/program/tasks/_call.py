"""`call`: by a protocol, or a function that the document names."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.calls import CALLS
from stigmer_plugin_workflow_runner.program.tasks._set import Set

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Body

KEYS = ("call", "with")


def compile_body(compiler: Compiler, place: Place) -> Body:
    """Compile a `call` task."""
    name = place.definition["call"]
    module = CALLS.get(name) if isinstance(name, str) else None
    if module is not None:
        return module.compile_call(compiler, place)
    close = get_close_matches(str(name), CALLS, n=1)
    hint = f"did you mean {close[0]!r}?" if close else ", ".join(CALLS)
    compiler.problem(place.at("call"), f"the call {name!r} is not supported by this version", hint)
    return Set(compiler.value(None, "", ()))
