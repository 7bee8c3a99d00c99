"""Function calls: which functions there are, and those that evaluate their arguments themselves.

Source: jq manual, "Builtin operators and functions", version 1.8.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.builtins import BUILTINS, extreme, from_entries, to_entries
from stigmer_plugin_workflow_runner.expressions.closures import Closure, Env, first_of, product, single
from stigmer_plugin_workflow_runner.expressions.failure import JqError, UnsupportedExpressionError
from stigmer_plugin_workflow_runner.expressions.operators import add, items
from stigmer_plugin_workflow_runner.expressions.values import (
    Json,
    equal,
    is_number,
    number,
    order_key,
    truthy,
    type_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stigmer_plugin_workflow_runner.expressions import syntax

_IMPURE = {"now", "env", "input", "inputs", "debug", "stderr", "halt", "halt_error", "input_filename", "localtime"}


def compile_call(node: syntax.Call, arguments: tuple[Closure, ...]) -> Closure:
    """Return the closure of a call.

    Raises:
        UnsupportedExpressionError: there is no such function, or not with so many arguments.
    """
    name, arity = node.name, len(arguments)
    special = _SPECIAL.get((name, arity))
    if special is not None:
        return special(*arguments)
    builtin = BUILTINS.get((name, arity))
    if builtin is not None:
        return product(arguments, lambda value, env, found: builtin(env.budget, value, *found))
    if name in _IMPURE:
        message = f"{name!r} is not allowed: an expression has no clock, no environment and no streams"
    elif any(name == known for known, _ in (*_SPECIAL, *BUILTINS)):
        message = f"the function {name!r} does not take {arity} arguments"
    else:
        close = get_close_matches(name, sorted({known for known, _ in (*_SPECIAL, *BUILTINS)}), n=1)
        hint = f", did you mean {close[0]!r}?" if close else ""
        message = f"the function {name!r} is not supported by this version{hint}"
    raise UnsupportedExpressionError(message, node.position)


# Generators


def _empty() -> Closure:
    return Closure(lambda _value, _env: iter(()))


def _select(condition: Closure) -> Closure:
    def many(value: Json, env: Env) -> Iterator[Json]:
        for found in condition.many(value, env):
            if truthy(found):
                yield value

    return Closure(many)


def _kept(keep: Callable[[Json], bool]) -> Callable[[], Closure]:
    return lambda: Closure(lambda value, _env: iter((value,) if keep(value) else ()))


def _recurse() -> Closure:
    def many(value: Json, env: Env) -> Iterator[Json]:
        env.budget.spend()
        yield value
        if isinstance(value, (list, dict)):
            for item in items(value):
                yield from many(item, env)

    return Closure(many)


def _range(*bounds: Closure) -> Closure:
    def many(value: Json, env: Env) -> Iterator[Json]:
        for combination in product(bounds, lambda _value, _env, found: found).many(value, env):
            if not all(is_number(bound) for bound in combination):
                raise JqError("Range bounds must be numeric")
            yield from _count(env, *((0, *combination) if len(combination) == 1 else combination))

    return Closure(many)


def _count(env: Env, start: float, stop: float, step: float = 1) -> Iterator[Json]:
    at = start
    while (step > 0 and at < stop) or (step < 0 and at > stop):
        env.budget.spend()
        yield number(at)
        at += step


def _limit(count: Closure, body: Closure) -> Closure:
    def many(value: Json, env: Env) -> Iterator[Json]:
        for limit in count.many(value, env):
            if not is_number(limit) or limit < 0:
                raise JqError("Invalid arguments to limit" if not is_number(limit) else _NEGATIVE)
            left = limit
            if left <= 0:
                continue
            for found in body.many(value, env):
                yield found
                left -= 1
                if left <= 0:
                    break

    return Closure(many)


_NEGATIVE = "limit doesn't support negative count"


def _first(body: Closure) -> Closure:
    return Closure(lambda value, env: iter(first_of(body, value, env)))


def _last(body: Closure) -> Closure:
    return Closure(lambda value, env: iter([*body.many(value, env)][-1:]))


def _nth(count: Closure, body: Closure) -> Closure:
    def many(value: Json, env: Env) -> Iterator[Json]:
        for wanted in count.many(value, env):
            if not is_number(wanted) or wanted < 0:
                raise JqError("nth doesn't support negative indices")
            for at, found in enumerate(body.many(value, env)):
                if at >= wanted:
                    yield found
                    break

    return Closure(many)


def _paths() -> Closure:
    def many(value: Json, env: Env) -> Iterator[Json]:
        if not isinstance(value, (list, dict)):
            return
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            env.budget.spend()
            yield [key]
            yield from ([key, *rest] for rest in many(item, env))

    return Closure(many)


# Functions of a whole array or object


def _map(body: Closure) -> Closure:
    def one(value: Json, env: Env) -> Json:
        made: list[Json] = []
        for item in items(value):
            env.budget.spend()
            made.extend(body.many(item, env))
        return made

    return single(one)


def _map_values(body: Closure) -> Closure:
    def one(value: Json, env: Env) -> Json:
        pairs = [(key, first_of(body, item, env)) for key, item in _pairs(value, env)]
        if isinstance(value, dict):
            return {key: found[0] for key, found in pairs if found}
        return [found[0] for _, found in pairs if found]

    return single(one)


def _pairs(value: Json, env: Env) -> Iterator[tuple[Json, Json]]:
    found = items(value)
    env.budget.spend(len(found))
    return iter(value.items()) if isinstance(value, dict) else enumerate(found)


def _with_entries(body: Closure) -> Closure:
    mapped = _map(body)
    return single(lambda value, env: from_entries(env.budget, next(mapped.many(to_entries(env.budget, value), env))))


def _add(body: Closure) -> Closure:
    def one(value: Json, env: Env) -> Json:
        total = None
        for found in body.many(value, env):
            env.budget.spend()
            total = add(total, found, env.budget)
        return total

    return single(one)


def _quantifier(*, decides: bool) -> Callable[..., Closure]:
    def build(*arguments: Closure) -> Closure:
        source = arguments[0] if len(arguments) > 1 else None
        condition = arguments[-1] if arguments else None

        def one(value: Json, env: Env) -> bool:
            for item in source.many(value, env) if source is not None else items(value):
                env.budget.spend()
                for found in condition.many(item, env) if condition is not None else (item,):
                    if truthy(found) is decides:
                        return decides
            return not decides

        return single(one)

    return build


def _is_empty(body: Closure) -> Closure:
    return single(lambda value, env: not first_of(body, value, env))


def _in(source: Closure) -> Closure:
    def one(value: Json, env: Env) -> bool:
        return any(equal(value, found) for found in source.many(value, env))

    return single(one)


def _by(choose: Callable[[list[tuple[Json, Json]]], Json]) -> Callable[[Closure], Closure]:
    """Return a function over an array's items with the sort keys that `body` makes of them."""

    def build(body: Closure) -> Closure:
        def one(value: Json, env: Env) -> Json:
            if not isinstance(value, list):
                raise JqError(f"Cannot index {type_name(value)} with number")
            env.budget.spend(len(value))
            return choose([(order_key(list(body.many(item, env))), item) for item in value])

        return single(one)

    return build


def _sorted(keyed: list[tuple[Json, Json]]) -> list[Json]:
    return [item for _, item in sorted(keyed, key=lambda pair: pair[0])]


def _grouped(keyed: list[tuple[Json, Json]]) -> list[list[Json]]:
    groups: list[list[Json]] = []
    last = None
    for key, item in sorted(keyed, key=lambda pair: pair[0]):
        if groups and key == last:
            groups[-1].append(item)
        else:
            groups.append([item])
        last = key
    return groups


_SPECIAL: dict[tuple[str, int], Callable[..., Closure]] = {
    ("empty", 0): _empty,
    ("select", 1): _select,
    ("recurse", 0): _recurse,
    ("range", 1): _range,
    ("range", 2): _range,
    ("range", 3): _range,
    ("limit", 2): _limit,
    ("first", 1): _first,
    ("last", 1): _last,
    ("nth", 2): _nth,
    ("paths", 0): _paths,
    ("map", 1): _map,
    ("map_values", 1): _map_values,
    ("with_entries", 1): _with_entries,
    ("add", 1): _add,
    ("any", 0): _quantifier(decides=True),
    ("any", 1): _quantifier(decides=True),
    ("any", 2): _quantifier(decides=True),
    ("all", 0): _quantifier(decides=False),
    ("all", 1): _quantifier(decides=False),
    ("all", 2): _quantifier(decides=False),
    ("isempty", 1): _is_empty,
    ("IN", 1): _in,
    ("sort_by", 1): _by(_sorted),
    ("group_by", 1): _by(_grouped),
    ("unique_by", 1): _by(lambda keyed: [group[0] for group in _grouped(keyed)]),
    ("min_by", 1): _by(lambda keyed: extreme(keyed, largest=False)),
    ("max_by", 1): _by(lambda keyed: extreme(keyed, largest=True)),
    ("values", 0): _kept(lambda value: value is not None),
    ("nulls", 0): _kept(lambda value: value is None),
    ("booleans", 0): _kept(lambda value: isinstance(value, bool)),
    ("numbers", 0): _kept(is_number),
    ("strings", 0): _kept(lambda value: isinstance(value, str)),
    ("arrays", 0): _kept(lambda value: isinstance(value, list)),
    ("objects", 0): _kept(lambda value: isinstance(value, dict)),
    ("iterables", 0): _kept(lambda value: isinstance(value, (list, dict))),
    ("scalars", 0): _kept(lambda value: not isinstance(value, (list, dict))),
}
