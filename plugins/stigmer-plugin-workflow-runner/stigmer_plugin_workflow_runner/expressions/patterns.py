"""Destructuring: `. as [$first, {name: $second}]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from stigmer_plugin_workflow_runner.expressions import syntax
from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.operators import index
from stigmer_plugin_workflow_runner.expressions.values import Json, brief, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stigmer_plugin_workflow_runner.expressions.closures import Env, Scope

    Binder: TypeAlias = "Callable[[Json, Env], Iterator[Env]]"


def names_of(pattern: syntax.Pattern) -> list[str]:
    """Return the variables that a pattern binds."""
    if isinstance(pattern, syntax.Variable):
        return [pattern.name]
    if isinstance(pattern, syntax.Elements):
        return [name for part in pattern.patterns for name in names_of(part)]
    found = [key.name for key, _ in pattern.entries if isinstance(key, syntax.Variable)]
    return found + [name for _, part in pattern.entries if part is not None for name in names_of(part)]


def compile_patterns(patterns: Sequence[syntax.Pattern], scope: Scope) -> tuple[Scope, list[Binder]]:
    """Return the scope of a body that sees what any of the patterns binds, and what binds it.

    With several patterns, the variables of all of them are there for each; those of the others are null.
    """
    names = {name for pattern in patterns for name in names_of(pattern)}
    inner = scope.with_variables(*names)
    binders = [_binder(pattern, inner) for pattern in patterns]
    if len(patterns) == 1:
        return inner, binders
    nothing: dict[str, Json] = dict.fromkeys(names)

    def after_nothing(binder: Binder) -> Binder:
        def bind(value: Json, env: Env) -> Iterator[Env]:
            for name in nothing:
                env = env.bind(name, None)
            return binder(value, env)

        return bind

    return inner, [after_nothing(binder) for binder in binders]


def _binder(pattern: syntax.Pattern, scope: Scope) -> Binder:
    if isinstance(pattern, syntax.Variable):
        name = pattern.name
        return lambda value, env: iter((env.bind(name, value),))
    if isinstance(pattern, syntax.Elements):
        return _elements([_binder(part, scope) for part in pattern.patterns])
    return _fields(
        [
            (
                key.name if isinstance(key, syntax.Variable) else None,
                scope.compile(syntax.Literal(key.name) if isinstance(key, syntax.Variable) else key, scope).many,
                None if part is None else _binder(part, scope),
            )
            for key, part in pattern.entries
        ]
    )


def _elements(binders: Sequence[Binder]) -> Binder:
    def bind(value: Json, env: Env, left: int = len(binders)) -> Iterator[Env]:
        if left == 0:
            yield env
            return
        for bound in binders[left - 1](index(value, left - 1), env):  # jq starts with the last one
            yield from bind(value, bound, left - 1)

    return bind


def _fields(entries: Sequence[tuple[str | None, Callable[[Json, Env], Iterator[Json]], Binder | None]]) -> Binder:
    def bind(value: Json, env: Env, at: int = 0) -> Iterator[Env]:
        if at == len(entries):
            yield env
            return
        name, keys, binder = entries[at]
        for key in keys(value, env):
            env.budget.spend()
            if not isinstance(key, str):
                raise JqError(f"Cannot index {type_name(value)} with {type_name(key)} ({brief(key)})")
            found = index(value, key)
            named = env if name is None else env.bind(name, found)
            for bound in (named,) if binder is None else binder(found, named):
                yield from bind(value, bound, at + 1)

    return bind
