"""`call: stigmer:workflow`: `run: workflow` for a workflow that is known by its slug, as the API has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.subflow import Subflow

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place


def compile_call(compiler: Compiler, place: Place) -> Subflow:
    """Compile a `call: stigmer:workflow`."""
    section, pointer = compiler.section(place.definition, "with", place.pointer), place.at("with")
    compiler.keys(section, ("workflow", "input"), pointer)
    reference = section.get("workflow")
    if not isinstance(reference, str) or not reference:
        compiler.problem(pointer, "a workflow to run is known by a slug, or org/slug")
    org, _, slug = str(reference).rpartition("/")
    visible = DEFINITION | place.variables
    return Subflow(
        reference=compiler.value({"slug": slug, **({"org": org} if org else {})}, pointer, visible),
        value=compiler.value(section["input"], f"{pointer}/input", visible) if "input" in section else None,
        awaits=True,
    )
