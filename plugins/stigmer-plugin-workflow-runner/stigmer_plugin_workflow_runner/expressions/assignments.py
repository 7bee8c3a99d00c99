"""Assignments: `=`, `|=`, and an operator before the `=`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.closures import Closure, Env, Scope, first_of, keys_of, single
from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.locations import Draft, deleted
from stigmer_plugin_workflow_runner.expressions.operators import OPERATORS
from stigmer_plugin_workflow_runner.expressions.values import Json, brief, truthy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stigmer_plugin_workflow_runner.expressions import syntax
    from stigmer_plugin_workflow_runner.expressions.closures import Many, Path, Paths


def compile_assignment(node: syntax.Assign, scope: Scope) -> Closure:
    """Return the closure of an assignment."""
    target, value = scope.compile(node.target, scope), scope.compile(node.value, scope)
    if node.operator == "|=":
        return modify(target, value)
    if node.operator == "=":
        return _for_each(value, lambda found, env, item: changed(target, found, env, lambda _: [item]), is_update=False)
    if node.operator == "//=":
        return _for_each(
            value, lambda found, env, item: changed(target, found, env, lambda old: [old if truthy(old) else item])
        )
    compute = OPERATORS[node.operator[:-1]]
    return _for_each(
        value, lambda found, env, item: changed(target, found, env, lambda old: [compute(old, item, env.budget)])
    )


def modify(target: Closure, update: Closure) -> Closure:
    """Return the closure of `target |= update`: what the update makes nothing of is deleted."""
    plain = single(lambda value, env: changed(target, value, env, lambda old: first_of(update, old, env)))
    return Closure(plain.many, plain.one, _nowhere(plain.many))


def _nowhere(many: Many) -> Paths:
    """Return what makes paths of what stands nowhere, even where nothing changed."""

    def paths(_path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        for found in many(value, env):
            raise JqError(f"Invalid path expression near attempt to access element 0 of {brief([found, []])}")
        return iter(())

    return paths


def changed(target: Closure, value: Json, env: Env, update: Callable[[Json], list[Json]]) -> Json:
    """Return a value in which what stands at the target's paths is replaced, or deleted for an empty list."""
    draft = Draft(value, env.budget)
    gone: list[Json] = []
    for keys in keys_of(target, value, env):
        made = update(draft.taken(keys))
        if made:
            draft.set(keys, made[0])
        else:
            gone.append(list(keys))
    return deleted(draft.value, gone, env.budget)


def _for_each(operand: Closure, assign: Callable[[Json, Env, Json], Json], *, is_update: bool = True) -> Closure:
    """Return what assigns each value of the right-hand side, which sees the whole input."""

    def many(value: Json, env: Env) -> Iterator[Json]:
        for item in operand.many(value, env):
            env.budget.spend()
            yield assign(value, env, item)

    one = operand.one
    return Closure(
        many,
        None if one is None else lambda value, env: assign(value, env, one(value, env)),
        _nowhere(many) if is_update else None,
    )
