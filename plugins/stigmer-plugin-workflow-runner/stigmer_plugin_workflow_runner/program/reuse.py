"""`use`: what a document defines once and names in many places.

Definitions that nothing names are checked too: somebody will name them.

Source: DSL reference, "Use".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.availability import BASE, DEFINITION, WORKFLOW
from stigmer_plugin_workflow_runner.program.document import Task
from stigmer_plugin_workflow_runner.program.extending import Detour, Extension
from stigmer_plugin_workflow_runner.program.faults import check_error
from stigmer_plugin_workflow_runner.program.retry import compile_retry
from stigmer_plugin_workflow_runner.program.templates import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler

DEEPEST = 8  # functions that call functions
_KEYS = ("authentications", "errors", "extensions", "functions", "retries", "secrets", "timeouts", "catalogs")
_MAPS = ("authentications", "errors", "functions", "retries", "timeouts", "catalogs")
_EXTENDED = ("call", "composite", "emit", "for", "listen", "raise", "run", "set", "switch", "try", "wait", "all")
_COMPOSITE = ("do", "fork")


def compile_use(compiler: Compiler, use: dict[str, Json]) -> None:
    """Compile what tasks need: extensions and functions."""
    compiler.keys(use, _KEYS, "/use")
    secrets = use.get("secrets", [])
    if not isinstance(secrets, list) or not all(isinstance(name, str) and name for name in secrets):
        compiler.problem("/use/secrets", "expected a list of names", "such as [token]")
    for key in _MAPS:
        if use.get(key) is not None and not isinstance(use[key], dict):
            compiler.problem(f"/use/{key}", f"{key!r} is an object, by names", "such as {name: …}")
    compiler.extensions = tuple(_extensions(compiler, use.get("extensions") or []))
    for name, pointer, definition in _definitions(use, "functions"):
        if compiler.is_protocol(name):
            compiler.problem(pointer, f"{name!r} is a call of its own and cannot name a function", "rename it")
        elif not isinstance(definition, dict):
            compiler.problem(pointer, f"the function {name!r} is not an object", "a function is a task")
        else:
            compiler.function(name, definition)
    _check_calls(compiler)


def compile_rest(compiler: Compiler, use: dict[str, Json]) -> None:
    """Check the definitions that no task has named."""
    variables = compiler.variables | {"error"}
    for _, pointer, policy in _definitions(use, "retries"):
        if pointer not in compiler.used:
            compile_retry(compiler, policy, pointer, variables)
    for _, pointer, timeout in _definitions(use, "timeouts"):
        if pointer not in compiler.used:
            compiler.timeout(timeout, pointer, variables)
    for _, pointer, error in _definitions(use, "errors"):
        if pointer not in compiler.used:
            check_error(compiler, error, pointer)
            compiler.value(error, pointer, DEFINITION | variables)
    for name, pointer, catalog in _definitions(use, "catalogs"):
        if pointer not in compiler.used:
            compiler.catalog(name, catalog, WORKFLOW)


def _definitions(use: dict[str, Json], section: str) -> Iterator[tuple[str, str, Any]]:
    value = use.get(section)
    for name, definition in (value if isinstance(value, dict) else {}).items():
        yield name, f"/use/{section}/{escaped(name)}", definition


def _extensions(compiler: Compiler, value: Json) -> Iterator[tuple[frozenset[str], Extension]]:
    """Yield the extensions with the kinds of tasks they extend; `all` is an empty set."""
    if not isinstance(value, list):
        compiler.problem(
            "/use/extensions", "expected a list of extensions", "such as [{name: {extend: all, before: […]}}]"
        )
        return
    for at, item in enumerate(value):
        if not isinstance(item, dict) or len(item) != 1 or not isinstance(next(iter(item.values())), dict):
            hint = "an object with its name as the only key"
            compiler.problem(f"/use/extensions/{at}", "expected one extension", hint)
            continue
        name, section = next(iter(item.items()))
        yield _extension(compiler, f"/use/extensions/{at}/{escaped(name)}", name, section)


def _extension(
    compiler: Compiler, pointer: str, name: str, section: dict[str, Json]
) -> tuple[frozenset[str], Extension]:
    compiler.keys(section, ("extend", "when", "before", "after"), pointer)
    target = section.get("extend")
    if target not in _EXTENDED:
        compiler.problem(
            f"{pointer}/extend", f"there are no tasks {target!r} to extend", f"one of {', '.join(_EXTENDED)}"
        )
    if "before" not in section and "after" not in section:
        compiler.problem(pointer, "an extension has tasks 'before' or 'after'", "or both")
    kinds = {"all": frozenset[str](), "composite": frozenset(_COMPOSITE)}.get(str(target), frozenset({str(target)}))
    condition = section.get("when")
    extension = Extension(
        condition=compiler.expression(condition, f"{pointer}/when", DEFINITION) if condition is not None else None,
        before=_detour(compiler, section, "before", pointer, name),
        after=_detour(compiler, section, "after", pointer, name),
    )
    return kinds, extension


def _detour(compiler: Compiler, section: dict[str, Json], side: str, pointer: str, name: str) -> str | None:
    if side not in section:
        return None
    where = f"{pointer}/{side}"
    compiler.task_list(section[side], where, BASE - BASE)
    compiler.tasks[where] = Task(pointer=where, name=name, kind="extension", body=Detour(where), definition=section)
    return where


def _check_calls(compiler: Compiler) -> None:
    """Note functions that call themselves, or each other too deep."""
    for name in compiler.calls:
        chain = [(name, 1)]
        while chain:
            other, depth = chain.pop()
            called = compiler.calls.get(other, ())
            if name in called or depth > DEEPEST:
                said = "calls itself" if name in called else f"calls others more than {DEEPEST} deep"
                compiler.problem(f"/use/functions/{escaped(name)}", f"the function {name!r} {said}", "use a loop")
                break
            chain.extend((following, depth + 1) for following in called)
