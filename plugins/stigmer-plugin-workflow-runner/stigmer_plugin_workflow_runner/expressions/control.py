"""The nodes that decide what is evaluated: conditions, errors, bindings, folds, labels and definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.expressions import syntax
from stigmer_plugin_workflow_runner.expressions.closures import Closure, Env, Function, Path, Scope, single
from stigmer_plugin_workflow_runner.expressions.failure import BreakError, JqError, UnsupportedExpressionError
from stigmer_plugin_workflow_runner.expressions.patterns import compile_patterns
from stigmer_plugin_workflow_runner.expressions.shape import height
from stigmer_plugin_workflow_runner.expressions.values import Json, truthy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STEPS_PER_ERROR = 8  # the message of one is made of the values it is about


def _alternative(node: syntax.Alternative, scope: Scope) -> Closure:
    left, right = scope.compile(node.left, scope), scope.compile(node.right, scope)
    first, second = left.one, right.one

    def many(value: Json, env: Env) -> Iterator[Json]:
        some = False
        for found in left.many(value, env):
            if truthy(found):
                some = True
                yield found
        if not some:
            yield from right.many(value, env)

    def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        some = False
        for place, found in left.paths(path, value, env):
            if truthy(found):
                some = True
                yield place, found
        if not some:
            yield from right.paths(path, value, env)

    def one(value: Json, env: Env) -> Json:
        assert first is not None
        assert second is not None
        found = first(value, env)
        return found if truthy(found) else second(value, env)

    return Closure(many, None if first is None or second is None else one, paths)


def _if(node: syntax.If, scope: Scope) -> Closure:
    condition, then, otherwise = (scope.compile(part, scope) for part in (node.condition, node.then, node.otherwise))
    test, yes, no = condition.one, then.one, otherwise.one

    def many(value: Json, env: Env) -> Iterator[Json]:
        for found in condition.many(value, env):
            yield from (then if truthy(found) else otherwise).many(value, env)

    def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        for found in condition.many(value, env):
            yield from (then if truthy(found) else otherwise).paths(path, value, env)

    if test is None or yes is None or no is None:
        return Closure(many, None, paths)
    plain = single(lambda value, env: yes(value, env) if truthy(test(value, env)) else no(value, env))
    return Closure(plain.many, plain.one, paths)


def _try(node: syntax.Try, scope: Scope) -> Closure:
    # An error of whoever reads the values passes: it is not raised inside of the generator
    body = scope.compile(node.body, scope)
    handler = scope.compile(node.handler or syntax.Call("empty", (), 0), scope)

    def many(value: Json, env: Env) -> Iterator[Json]:
        try:
            yield from body.many(value, env)
        except JqError as error:
            caught = error.value
        else:
            return
        env.budget.spend(_STEPS_PER_ERROR)
        yield from handler.many(caught, env)

    def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        try:
            yield from body.paths(path, value, env)
        except JqError as error:
            caught = error.value
        else:
            return
        env.budget.spend(_STEPS_PER_ERROR)
        yield from handler.paths(path, caught, env)

    return Closure(many, None, paths)


def _bind(node: syntax.Bind, scope: Scope) -> Closure:
    source = scope.compile(node.source, scope)
    inner, binders = compile_patterns(node.patterns, scope)
    body = scope.compile(node.body, inner)
    last = len(binders) - 1

    def alternatives(value: Json, env: Env, make: Callable[[Env], Iterator[Any]]) -> Iterator[Any]:
        for found in source.many(value, env):
            for at, bind in enumerate(binders):
                try:
                    for bound in bind(found, env):
                        env.budget.spend()
                        yield from make(bound)
                    break
                except JqError:
                    if at == last:
                        raise

    def many(value: Json, env: Env) -> Iterator[Json]:
        return alternatives(value, env, lambda bound: body.many(value, bound))

    def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        return alternatives(value, env, lambda bound: body.paths(path, value, bound))

    first, second = source.one, body.one
    if first is None or second is None or len(node.patterns) > 1 or not isinstance(node.patterns[0], syntax.Variable):
        return Closure(many, None, paths)
    name = node.patterns[0].name
    plain = single(lambda value, env: second(value, env.bind(name, first(value, env))))
    return Closure(plain.many, plain.one, paths)


def _reduce(node: syntax.Reduce, scope: Scope) -> Closure:
    source, start = scope.compile(node.source, scope), scope.compile(node.start, scope)
    inner, binders = compile_patterns(node.patterns, scope)
    update = scope.compile(node.update, inner)

    def fold(value: Json, env: Env, state: Json) -> Json:
        for found in source.many(value, env):
            for at, bind in enumerate(binders):
                try:
                    for bound in bind(found, env):
                        env.budget.spend()
                        taken, state = state, None  # as for `foreach`
                        for made in update.many(taken, bound):
                            env.budget.spend()
                            state = made
                    break
                except JqError:
                    if at == len(binders) - 1:
                        raise
        return state

    def many(value: Json, env: Env) -> Iterator[Json]:
        for at, initial in enumerate(start.many(value, env)):
            yield fold(None if at else value, env, initial)  # jq has moved the input away by then

    first = start.one
    return Closure(many, None if first is None else lambda value, env: fold(value, env, first(value, env)))


def _foreach(node: syntax.Foreach, scope: Scope) -> Closure:
    source, start = scope.compile(node.source, scope), scope.compile(node.start, scope)
    inner, binders = compile_patterns(node.patterns, scope)
    update, extract = scope.compile(node.update, inner), scope.compile(node.extract, inner)

    def many(value: Json, env: Env) -> Iterator[Json]:
        for initial in start.many(value, env):
            pairs = ((item, item) for item in source.many(value, env))
            for _, state, bound in _states(binders, update, initial, pairs, env):
                yield from extract.many(state, bound)

    def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        for initial in start.many(value, env):
            for place, state, bound in _states(binders, update, initial, source.paths(path, value, env), env):
                yield from extract.paths(place, state, bound)

    return Closure(many, None, paths)


def _states(
    binders: list[Any], update: Closure, state: Json, items: Iterator[tuple[Any, Json]], env: Env
) -> Iterator[tuple[Any, Json, Env]]:
    """Yield each state of a fold, with the place of its item and the environment that the item is bound in."""
    for place, item in items:
        for at, bind in enumerate(binders):
            try:
                for bound in bind(item, env):
                    taken, state = state, None  # what an update without values, or with an error, leaves
                    for made in update.many(taken, bound):
                        env.budget.spend()
                        state = made
                        yield place, made, bound
                break
            except JqError:
                if at == len(binders) - 1:
                    raise


def _label(node: syntax.Label, scope: Scope) -> Closure:
    name = f"*{node.name}"
    body = scope.compile(node.body, scope.with_variables(name))

    def until_break(env: Env, make: Callable[[Env], Iterator[Any]]) -> Iterator[Any]:
        label = object()
        try:
            yield from make(env.bind(name, label))
        except BreakError as error:
            if error.label is not label:
                raise

    return Closure(
        lambda value, env: until_break(env, lambda inner: body.many(value, inner)),
        None,
        lambda path, value, env: until_break(env, lambda inner: body.paths(path, value, inner)),
    )


def _break(node: syntax.Break, scope: Scope) -> Closure:
    name = f"*{node.name}"
    if name not in scope.bound:
        raise UnsupportedExpressionError(f"there is no label ${node.name} here", node.position)

    def many(_value: Json, env: Env) -> Iterator[Json]:
        raise BreakError(env.variables[name])

    return Closure(many)


def _define(node: syntax.Define, scope: Scope) -> Closure:
    key = (node.name, len(node.parameters))
    outer = scope.with_functions({key: node.parameters})
    inner = outer.with_functions({(name.removeprefix("$"), 0): () for name in node.parameters})
    names = [name[1:] for name in node.parameters if name.startswith("$")]
    body = scope.compile(node.body, inner.with_variables(*names))
    rest = scope.compile(node.rest, outer)
    frames = height(node.body)

    def defined(env: Env) -> Env:
        return env.define({key: Function(body, env, frames, is_definition=True)})

    return Closure(
        lambda value, env: rest.many(value, defined(env)),
        None,
        lambda path, value, env: rest.paths(path, value, defined(env)),
    )


CONTROL: dict[type, Callable[[Any, Scope], Closure]] = {
    syntax.Alternative: _alternative,
    syntax.If: _if,
    syntax.Try: _try,
    syntax.Bind: _bind,
    syntax.Reduce: _reduce,
    syntax.Foreach: _foreach,
    syntax.Label: _label,
    syntax.Break: _break,
    syntax.Define: _define,
}
