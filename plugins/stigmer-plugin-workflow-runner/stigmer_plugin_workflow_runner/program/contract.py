"""What an answer must look like, and what happens when it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.schemas import compile_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Directive
    from stigmer_plugin_workflow_runner.program.schemas import Schema

MOST_RETRIES = 5


@dataclass(frozen=True, slots=True)
class Contract:
    """A schema; how often it is asked again, and where it goes on instead of failing."""

    document: Json
    schema: Schema
    retries: int
    fallback: Directive | None


def compile_contract(compiler: Compiler, place: Place, owner: dict[str, Json], pointer: str) -> Contract | None:
    """Compile the `output` of a call, None when there is none."""
    if "output" not in owner:
        return None
    section, pointer = compiler.section(owner, "output", pointer), f"{pointer}/output"
    compiler.keys(section, ("schema", "onFail", "retries", "fallback"), pointer)
    schema = compile_document_schema(compiler, section, pointer, "answer")
    _, fallback = compile_failing(compiler, place, section, pointer, ("retry", "fallback"))
    retries = section.get("retries", 0)
    if not isinstance(retries, int) or not 0 <= retries <= MOST_RETRIES:
        compiler.problem(f"{pointer}/retries", f"expected 0 to {MOST_RETRIES}")
        return None
    return Contract(section.get("schema"), schema, retries, fallback) if schema is not None else None


def compile_document_schema(
    compiler: Compiler, owner: dict[str, Json], pointer: str, what: str, *, key: str = "schema"
) -> Schema | None:
    """Compile a JSON schema that stands there as it is, not in the DSL's way of naming one."""
    pointer = f"{pointer}/{key}"
    if not isinstance(owner.get(key), (dict, bool)):
        compiler.problem(pointer, "expected a JSON schema")
        return None
    before = len(compiler.problems)
    schema = compile_schema(compiler, {"document": owner[key]}, pointer, what)
    for index, found in enumerate(compiler.problems[before:], before):
        at = found.pointer.replace(f"{pointer}/document", pointer, 1)
        compiler.problems[index] = type(found)(at, found.message, found.hint)
    return schema


def compile_failing(
    compiler: Compiler, place: Place, section: dict[str, Json], pointer: str, policies: Sequence[str]
) -> tuple[str, Directive | None]:
    """Return what happens instead of a fault, empty for nothing else, and where it goes on then."""
    policy = section.get("onFail", "")
    if policy and policy not in policies:
        compiler.problem(f"{pointer}/onFail", f"unknown policy {policy!r}", ", ".join(policies))
    fallback = None
    if "fallback" in section:
        fallback = compiler.directive(section["fallback"], place, f"{pointer}/fallback")
    elif policy in ("branch", "fallback"):
        compiler.problem(pointer, f"{policy!r} needs a task to go on at", "fallback: its name")
    return str(policy), fallback
