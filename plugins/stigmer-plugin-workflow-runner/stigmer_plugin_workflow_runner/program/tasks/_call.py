"""`call`: by a protocol, or a function that the document names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.calls import CALLS
from stigmer_plugin_workflow_runner.program.calls._catalog import compile_remote_call, is_remote
from stigmer_plugin_workflow_runner.program.calls._function import compile_function_call
from stigmer_plugin_workflow_runner.program.tasks._set import Set
from stigmer_plugin_workflow_runner.program.templates import escaped

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
    body = _function(compiler, place, name) if isinstance(name, str) else None
    if body is not None:
        return body
    if not isinstance(name, str) or not is_remote(name):
        functions = compiler.section(compiler.section(compiler.definition, "use", ""), "functions", "/use")
        known = [*(protocol for protocol in CALLS if ":" not in protocol), *functions]
        hint = compiler.meant(name, known) or f"one of {', '.join(known[:20])}"
        compiler.problem(place.at("call"), f"there is no call {name!r}" if name else "a call names what it calls", hint)
    return Set(compiler.value(None, "", ()))


def _function(compiler: Compiler, place: Place, name: str) -> Body | None:
    functions = compiler.section(compiler.section(compiler.definition, "use", ""), "functions", "/use")
    if name in functions:
        compiler.called(name)
        return compile_function_call(compiler, place, f"/use/functions/{escaped(name)}")
    return compile_remote_call(compiler, place, name) if is_remote(name) else None
