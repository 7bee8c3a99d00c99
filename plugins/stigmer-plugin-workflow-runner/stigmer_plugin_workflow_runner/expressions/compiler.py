"""The dispatch from nodes to closures, and the nodes that are not function calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.expressions import syntax
from stigmer_plugin_workflow_runner.expressions.closures import Closure, Env, One, Scope, product, single
from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.functions import compile_call
from stigmer_plugin_workflow_runner.expressions.operators import OPERATORS, cut, index, items
from stigmer_plugin_workflow_runner.expressions.values import Json, is_number, number, shown, to_text, truthy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def compile_node(node: syntax.Node, scope: Scope) -> Closure:
    """Return the closure of a node; variables that nothing binds are added to `scope.free`.

    Raises:
        UnsupportedExpressionError: a function that this version does not have.
    """
    return _COMPILERS[type(node)](node, scope)


def _identity(_node: syntax.Identity, _scope: Scope) -> Closure:
    return single(lambda value, _env: value)


def _literal(node: syntax.Literal, _scope: Scope) -> Closure:
    constant = number(node.value) if is_number(node.value) else node.value
    return single(lambda _value, _env: constant)


def _variable(node: syntax.Variable, scope: Scope) -> Closure:
    name = node.name
    if name not in scope.bound:
        scope.free.add(name)
    return single(lambda _value, env: env.variables[name])


def _text(node: syntax.Text, scope: Scope) -> Closure:
    # jq varies the first interpolation fastest, so the parts are combined in reverse
    parts = tuple(
        compile_node(syntax.Literal(part) if isinstance(part, str) else part, scope) for part in reversed(node.parts)
    )

    def compute(_value: Json, env: Env, texts: tuple[Json, ...]) -> Json:
        text = "".join(part if isinstance(part, str) else to_text(part) for part in reversed(texts))
        env.budget.spend(len(text) // 64)
        return text

    return product(parts, compute)


def _index(node: syntax.Index, scope: Scope) -> Closure:
    target = compile_node(node.target, scope)
    if isinstance(node.key, syntax.Literal):
        key = node.key.value
        inner = target.one
        if inner is not None and isinstance(key, str):
            return single(_field(inner, key))
        return product((target,), lambda _value, _env, found: index(found[0], key))
    # jq evaluates the key first, which varies slowest
    return product((compile_node(node.key, scope), target), lambda _value, _env, found: index(found[1], found[0]))


def _field(inner: One, name: str) -> One:
    def one(value: Json, env: Env) -> Json:
        target = inner(value, env)
        return target.get(name) if type(target) is dict else index(target, name)

    return one


def _slice(node: syntax.Slice, scope: Scope) -> Closure:
    bounds = tuple(compile_node(bound or syntax.Literal(None), scope) for bound in (node.start, node.stop))
    target = compile_node(node.target, scope)
    return product((*bounds, target), lambda _value, _env, found: cut(found[2], found[0], found[1]))


def _iterate(node: syntax.Iterate, scope: Scope) -> Closure:
    target = compile_node(node.target, scope)

    def many(value: Json, env: Env) -> Iterator[Json]:
        for found in target.many(value, env):
            for item in items(found):
                env.budget.spend()
                yield item

    return Closure(many)


def _pipe(node: syntax.Pipe, scope: Scope) -> Closure:
    left, right = compile_node(node.left, scope), compile_node(node.right, scope)
    first, second = left.one, right.one
    if first is not None and second is not None:
        return single(lambda value, env: second(first(value, env), env))

    def many(value: Json, env: Env) -> Iterator[Json]:
        for found in left.many(value, env):
            env.budget.spend()
            yield from right.many(found, env)

    return Closure(many)


def _comma(node: syntax.Comma, scope: Scope) -> Closure:
    left, right = compile_node(node.left, scope), compile_node(node.right, scope)

    def many(value: Json, env: Env) -> Iterator[Json]:
        yield from left.many(value, env)
        yield from right.many(value, env)

    return Closure(many)


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


def _alternative(node: syntax.Alternative, scope: Scope) -> Closure:
    left, right = compile_node(node.left, scope), compile_node(node.right, scope)
    first, second = left.one, right.one
    if first is not None and second is not None:

        def one(value: Json, env: Env) -> Json:
            found = first(value, env)
            return found if truthy(found) else second(value, env)

        return single(one)

    def many(value: Json, env: Env) -> Iterator[Json]:
        some = False
        for found in left.many(value, env):
            if truthy(found):
                some = True
                yield found
        if not some:
            yield from right.many(value, env)

    return Closure(many)


def _negate(node: syntax.Negate, scope: Scope) -> Closure:
    def compute(_value: Json, _env: Env, found: tuple[Json, ...]) -> Json:
        if not is_number(found[0]):
            raise JqError(f"{shown(found[0])} cannot be negated")
        return number(-found[0])

    return product((compile_node(node.operand, scope),), compute)


def _if(node: syntax.If, scope: Scope) -> Closure:
    condition, then, otherwise = (compile_node(part, scope) for part in (node.condition, node.then, node.otherwise))
    test, yes, no = condition.one, then.one, otherwise.one
    if test is not None and yes is not None and no is not None:
        return single(lambda value, env: yes(value, env) if truthy(test(value, env)) else no(value, env))

    def many(value: Json, env: Env) -> Iterator[Json]:
        for found in condition.many(value, env):
            yield from (then if truthy(found) else otherwise).many(value, env)

    return Closure(many)


def _try(node: syntax.Try, scope: Scope) -> Closure:
    body = compile_node(node.body, scope)
    handler = compile_node(node.handler, scope) if node.handler is not None else None

    def many(value: Json, env: Env) -> Iterator[Json]:
        values = body.many(value, env)
        while True:
            try:  # only the body is guarded: an error of whoever reads these values passes
                found = next(values)
            except StopIteration:
                return
            except JqError as error:
                if handler is not None:
                    yield from handler.many(error.value, env)
                return
            yield found

    return Closure(many)


def _array(node: syntax.Array, scope: Scope) -> Closure:
    if node.body is None:
        return single(lambda _value, _env: [])
    body = compile_node(node.body, scope)
    return single(lambda value, env: list(body.many(value, env)))


def _object(node: syntax.Object, scope: Scope) -> Closure:
    parts = tuple(compile_node(part, scope) for entry in node.entries for part in entry)

    def compute(_value: Json, _env: Env, found: tuple[Json, ...]) -> Json:
        made = {}
        for at in range(0, len(found), 2):
            if not isinstance(found[at], str):
                raise JqError(f"Cannot use {shown(found[at])} as object key")
            made[found[at]] = found[at + 1]
        return made

    return product(parts, compute)


def _bind(node: syntax.Bind, scope: Scope) -> Closure:
    source, name = compile_node(node.source, scope), node.name
    body = compile_node(node.body, scope.with_variable(name))
    first, second = source.one, body.one
    if first is not None and second is not None:
        return single(lambda value, env: second(value, env.bind(name, first(value, env))))

    def many(value: Json, env: Env) -> Iterator[Json]:
        for found in source.many(value, env):
            env.budget.spend()
            yield from body.many(value, env.bind(name, found))

    return Closure(many)


def _reduce(node: syntax.Reduce, scope: Scope) -> Closure:
    source, start, name = compile_node(node.source, scope), compile_node(node.start, scope), node.name
    update = compile_node(node.update, scope.with_variable(name))

    def many(value: Json, env: Env) -> Iterator[Json]:
        for initial in start.many(value, env):
            result = initial
            for found in source.many(value, env):
                env.budget.spend()
                last = None
                for last in update.many(result, env.bind(name, found)):  # noqa: B007 - the last one counts
                    env.budget.spend()
                result = last
            yield result

    if start.one is None:
        return Closure(many)
    return Closure(many, lambda value, env: next(many(value, env)))


def _call(node: syntax.Call, scope: Scope) -> Closure:
    return compile_call(node, tuple(compile_node(argument, scope) for argument in node.arguments))


_COMPILERS: dict[type, Callable[[Any, Scope], Closure]] = {
    syntax.Identity: _identity,
    syntax.Literal: _literal,
    syntax.Variable: _variable,
    syntax.Text: _text,
    syntax.Index: _index,
    syntax.Slice: _slice,
    syntax.Iterate: _iterate,
    syntax.Pipe: _pipe,
    syntax.Comma: _comma,
    syntax.Binary: _binary,
    syntax.Logical: _logical,
    syntax.Alternative: _alternative,
    syntax.Negate: _negate,
    syntax.If: _if,
    syntax.Try: _try,
    syntax.Array: _array,
    syntax.Object: _object,
    syntax.Bind: _bind,
    syntax.Reduce: _reduce,
    syntax.Call: _call,
}
