"""External resources of calls: a document somewhere, that says what is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.calls._endpoint import Endpoint, compile_endpoint
from stigmer_plugin_workflow_runner.program.templates import expression_text

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler


def compile_resource(
    compiler: Compiler, section: dict[str, Any], key: str, pointer: str, visible: frozenset[str]
) -> Endpoint | None:
    """Compile an external resource; None where there is none."""
    if key not in section:
        return None
    resource, where = compiler.section(section, key, pointer), f"{pointer}/{key}"
    compiler.keys(resource, ("name", "endpoint"), where)
    if not resource.get("endpoint"):
        compiler.problem(where, f"{key!r} has an 'endpoint'")
        return None
    return compile_endpoint(compiler, resource["endpoint"], f"{where}/endpoint", visible)


def check_object(compiler: Compiler, section: dict[str, Any], key: str, pointer: str) -> None:
    """Note a value that is neither an object nor an expression that may make one."""
    value = section.get(key, {})
    if not isinstance(value, dict) and not (isinstance(value, str) and expression_text(value)):
        compiler.problem(f"{pointer}/{key}", f"{key!r} is an object, or an expression that makes one")
