"""The dispatch from nodes to closures, and the nodes that make values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.expressions import syntax
from stigmer_plugin_workflow_runner.expressions.assignments import compile_assignment
from stigmer_plugin_workflow_runner.expressions.calls import compile_call
from stigmer_plugin_workflow_runner.expressions.closures import Closure, Env, Path, Scope, product, single, standing
from stigmer_plugin_workflow_runner.expressions.control import CONTROL
from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.formats import FORMATS
from stigmer_plugin_workflow_runner.expressions.operators import OPERATORS, cut, index, items, negative
from stigmer_plugin_workflow_runner.expressions.values import Json, number, shown, truthy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stigmer_plugin_workflow_runner.expressions.closures import One


def compile_node(node: syntax.Node, scope: Scope) -> Closure:
    """Return the closure of a node; variables that nothing binds are added to `scope.free`.

    Raises:
        UnsupportedExpressionError: a function that this version does not have.
    """
    return _COMPILERS[type(node)](node, scope)


def _identity(_node: syntax.Identity, _scope: Scope) -> Closure:
    return single(lambda value, _env: value)


def _literal(node: syntax.Literal, _scope: Scope) -> Closure:
    constant = number(node.value) if isinstance(node.value, float) else node.value
    return single(lambda _value, _env: constant)


def _variable(node: syntax.Variable, scope: Scope) -> Closure:
    name = node.name
    if name not in scope.bound:
        scope.free.add(name)
    return single(lambda _value, env: env.variables[name])


def _text(node: syntax.Text, scope: Scope) -> Closure:
    # jq varies the first interpolation fastest, so the parts are combined in reverse
    write = FORMATS[node.format]
    literal = [isinstance(part, str) for part in reversed(node.parts)]
    parts = tuple(
        compile_node(syntax.Literal(part) if isinstance(part, str) else part, scope) for part in reversed(node.parts)
    )

    def compute(_value: Json, env: Env, found: tuple[Json, ...]) -> Json:
        texts = [part if is_text else write(env.budget, part) for part, is_text in zip(found, literal, strict=True)]
        env.budget.copy(sum(map(len, texts)))
        return "".join(reversed(texts))

    return product(parts, compute)


def _format(node: syntax.Format, _scope: Scope) -> Closure:
    write = FORMATS[node.name]
    return single(lambda value, env: write(env.budget, value))


def _index(node: syntax.Index, scope: Scope) -> Closure:
    target, key = compile_node(node.target, scope), compile_node(node.key, scope)
    inner = target.one
    if isinstance(node.key, syntax.Literal) and isinstance(node.key.value, str) and inner is not None:
        plain = single(_field(inner, node.key.value))
    else:  # jq evaluates the key first, which varies slowest
        plain = product((key, target), lambda _value, _env, found: index(found[1], found[0]))
    return _indexed(key, target, plain, index, is_optional=node.is_optional)


def _field(inner: One, name: str) -> One:
    def one(value: Json, env: Env) -> Json:
        target = inner(value, env)
        return target.get(name) if type(target) is dict else index(target, name)

    return one


def _slice(node: syntax.Slice, scope: Scope) -> Closure:
    start, stop = (compile_node(bound or syntax.Literal(None), scope) for bound in (node.start, node.stop))
    target = compile_node(node.target, scope)
    bounds = product((start, stop), lambda _value, _env, found: {"start": found[0], "end": found[1]})

    def compute(_value: Json, env: Env, found: tuple[Json, ...]) -> Json:
        part = cut(found[2], found[0], found[1])
        env.budget.copy(len(part or ()))
        return part

    plain = product((start, stop, target), compute)
    return _indexed(
        bounds, target, plain, lambda value, part: cut(value, part["start"], part["end"]), is_optional=node.is_optional
    )


def _indexed(
    key: Closure, target: Closure, plain: Closure, get: Callable[[Json, Json], Json], *, is_optional: bool
) -> Closure:
    """Return the closure of an index with its paths; an optional one makes nothing of what cannot be indexed."""

    def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        for name in key.many(value, env):
            for place, found in target.paths(path, value, env):
                env.budget.spend()
                keys = standing(place, found)
                try:
                    inner = get(found, name)
                except JqError:
                    if is_optional:
                        continue
                    raise
                yield ((*keys, name), inner), inner

    def many(value: Json, env: Env) -> Iterator[Json]:
        for name in key.many(value, env):
            for found in target.many(value, env):
                env.budget.spend()
                try:
                    inner = get(found, name)
                except JqError:
                    continue
                yield inner

    return Closure(many, None, paths) if is_optional else Closure(plain.many, plain.one, paths)


def _iterate(node: syntax.Iterate, scope: Scope) -> Closure:
    target = compile_node(node.target, scope)

    def many(value: Json, env: Env) -> Iterator[Json]:
        for found in target.many(value, env):
            if node.is_optional and not isinstance(found, (list, dict)):
                continue
            for item in items(found):
                env.budget.spend()
                yield item

    def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        for place, found in target.paths(path, value, env):
            keys = standing(place, found)
            if node.is_optional and not isinstance(found, (list, dict)):
                continue
            listed = items(found)
            for key, item in zip(found if isinstance(found, dict) else range(len(listed)), listed, strict=True):
                env.budget.spend()
                yield ((*keys, key), item), item

    return Closure(many, None, paths)


def _pipe(node: syntax.Pipe, scope: Scope) -> Closure:
    left, right = compile_node(node.left, scope), compile_node(node.right, scope)
    first, second = left.one, right.one

    def many(value: Json, env: Env) -> Iterator[Json]:
        for found in left.many(value, env):
            env.budget.spend()
            yield from right.many(found, env)

    def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        for place, found in left.paths(path, value, env):
            env.budget.spend()
            yield from right.paths(place, found, env)

    if first is None or second is None:
        return Closure(many, None, paths)
    plain = single(lambda value, env: second(first(value, env), env))
    return Closure(plain.many, plain.one, paths)


def _comma(node: syntax.Comma, scope: Scope) -> Closure:
    left, right = compile_node(node.left, scope), compile_node(node.right, scope)

    def many(value: Json, env: Env) -> Iterator[Json]:
        yield from left.many(value, env)
        yield from right.many(value, env)

    def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        yield from left.paths(path, value, env)
        yield from right.paths(path, value, env)

    return Closure(many, None, paths)


def _binary(node: syntax.Binary, scope: Scope) -> Closure:
    compute = OPERATORS[node.operator]
    left, right = compile_node(node.left, scope), compile_node(node.right, scope)
    # The right operand is evaluated first and varies slowest: jq manual, "Addition"
    return product((right, left), lambda _value, env, found: compute(found[1], found[0], env.budget))


def _logical(node: syntax.Logical, scope: Scope) -> Closure:
    left, right = compile_node(node.left, scope), compile_node(node.right, scope)
    decides = node.operator == "or"  # the left value that needs no right one
    first, second = left.one, right.one
    if first is not None and second is not None:

        def one(value: Json, env: Env) -> bool:
            return decides if truthy(first(value, env)) is decides else truthy(second(value, env))

        return single(one)

    def many(value: Json, env: Env) -> Iterator[Json]:
        for found in left.many(value, env):
            if truthy(found) is decides:
                yield decides
            else:
                yield from (truthy(other) for other in right.many(value, env))

    return Closure(many)


def _negate(node: syntax.Negate, scope: Scope) -> Closure:
    return product((compile_node(node.operand, scope),), lambda _value, _env, found: negative(found[0]))


def _array(node: syntax.Array, scope: Scope) -> Closure:
    if node.body is None:
        return single(lambda _value, _env: [])
    body = compile_node(node.body, scope)

    def one(value: Json, env: Env) -> Json:
        env.budget.spend()
        return list(body.many(value, env))

    return single(one)


def _object(node: syntax.Object, scope: Scope) -> Closure:
    parts = tuple(compile_node(part, scope) for entry in node.entries for part in entry)

    def compute(_value: Json, env: Env, found: tuple[Json, ...]) -> Json:
        env.budget.spend()
        made = {}
        for at in range(0, len(found), 2):
            if not isinstance(found[at], str):
                raise JqError(f"Cannot use {shown(found[at])} as object key")
            made[found[at]] = found[at + 1]
        return made

    return product(parts, compute)


_COMPILERS: dict[type, Callable[[Any, Scope], Closure]] = {
    syntax.Identity: _identity,
    syntax.Literal: _literal,
    syntax.Variable: _variable,
    syntax.Text: _text,
    syntax.Format: _format,
    syntax.Index: _index,
    syntax.Slice: _slice,
    syntax.Iterate: _iterate,
    syntax.Pipe: _pipe,
    syntax.Comma: _comma,
    syntax.Binary: _binary,
    syntax.Logical: _logical,
    syntax.Negate: _negate,
    syntax.Array: _array,
    syntax.Object: _object,
    syntax.Call: compile_call,
    syntax.Assign: compile_assignment,
    **CONTROL,
}
