"""`run`: a process of this machine, a container, or another workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.processes import PROCESSES, compile_process
from stigmer_plugin_workflow_runner.program.subflow import compile_subflow
from stigmer_plugin_workflow_runner.program.tasks._set import Set

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Body

KEYS = ("run",)
_WHAT = (*PROCESSES, "workflow")


def compile_body(compiler: Compiler, place: Place) -> Body:
    """Compile a `run` task."""
    section, pointer = compiler.section(place.definition, "run", place.pointer), place.at("run")
    compiler.keys(section, (*_WHAT, "await", "return"), pointer)
    found = [name for name in _WHAT if name in section]
    if not isinstance(section.get("await", True), bool):
        compiler.problem(f"{pointer}/await", "expected true or false")
    if len(found) != 1:
        have = f"this one has {' and '.join(map(repr, found))}" if found else "this one has nothing"
        compiler.problem(pointer, f"a task runs one thing, {have}", f"one of {', '.join(_WHAT)}")
        return Set(compiler.value(None, "", ()))
    if found == ["workflow"]:
        return compile_subflow(compiler, place, section)
    return compile_process(compiler, place, section, found[0])
