"""The functions that evaluate their arguments themselves.

Source: jq manual, "Builtin operators and functions", version 1.8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.expressions.assignments import modify
from stigmer_plugin_workflow_runner.expressions.closures import (
    Closure,
    Env,
    Path,
    first_of,
    keys_of,
    product,
    single,
    standing,
)
from stigmer_plugin_workflow_runner.expressions.containers import extreme, from_entries, to_entries, total
from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.locations import deleted, get, keys_of_path
from stigmer_plugin_workflow_runner.expressions.loops import LOOPS, all_below
from stigmer_plugin_workflow_runner.expressions.operators import items
from stigmer_plugin_workflow_runner.expressions.values import (
    Json,
    equal,
    is_number,
    order_key,
    shown,
    truthy,
    type_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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


# Paths


def _path(body: Closure) -> Closure:
    def many(value: Json, env: Env) -> Iterator[Json]:
        for keys in keys_of(body, value, env):
            env.budget.copy(len(keys))
            yield list(keys)

    return Closure(many)


def _paths() -> Closure:
    def many(value: Json, env: Env) -> Iterator[Json]:
        for (keys, _), _ in all_below(((), value), value, env):
            env.budget.copy(len(keys))
            if keys:
                yield list(keys)

    return Closure(many)


def _getpath(path: Closure) -> Closure:
    plain = product((path,), lambda value, _env, found: get(value, keys_of_path(found[0])))

    def paths(place: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        for keys in path.many(value, env):
            found = get(value, keys_of_path(keys))
            yield ((*standing(place, value), *keys), found), found

    return Closure(plain.many, plain.one, paths)


def _del(body: Closure) -> Closure:
    return single(lambda value, env: deleted(value, [list(keys) for keys in keys_of(body, value, env)], env.budget))


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
    each = Closure(lambda value, _env: iter(items(value)), None, _items)
    return modify(each, body)


def _items(path: Path, value: Json, _env: Env) -> Iterator[tuple[Path, Json]]:
    listed = items(value)
    for key, item in zip(value if isinstance(value, dict) else range(len(listed)), listed, strict=True):
        yield ((*path[0], key), item), item


def _with_entries(body: Closure) -> Closure:
    mapped = _map(body)
    return single(lambda value, env: from_entries(env.budget, next(mapped.many(to_entries(env.budget, value), env))))


def _add(body: Closure) -> Closure:
    return single(lambda value, env: total(env.budget, body.many(value, env)))


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
        env.budget.walk(value)
        return any(_same(value, found, env) for found in source.many(value, env))

    return single(one)


def _same(value: Json, found: Json, env: Env) -> bool:
    env.budget.walk(found)
    env.budget.spend()
    return equal(value, found)


def _by(
    choose: Callable[[list[tuple[Json, Json]]], Json], problem: str = "sorted, as they are not both arrays"
) -> Callable[[Closure], Closure]:
    """Return a function over an array's items with the sort keys that `body` makes of them."""

    def build(body: Closure) -> Closure:
        def one(value: Json, env: Env) -> Json:
            keys = [_sort_key(body, item, env) for item in items(value)]
            if not isinstance(value, list):
                raise JqError(f"{shown(value)} and {shown(keys)} cannot be {problem}")
            return choose([(order_key(key), item) for key, item in zip(keys, value, strict=True)])

        return single(one)

    return build


def _sort_key(body: Closure, item: Json, env: Env) -> Any:
    key = list(body.many(item, env))
    env.budget.spend()
    env.budget.walk(key)
    return key


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


SPECIAL: dict[tuple[str, int], Callable[..., Closure]] = {
    **LOOPS,
    ("empty", 0): _empty,
    ("select", 1): _select,
    ("not", 0): lambda: single(lambda value, _env: not truthy(value)),
    ("type", 0): lambda: single(lambda value, _env: type_name(value)),
    ("path", 1): _path,
    ("paths", 0): _paths,
    ("getpath", 1): _getpath,
    ("del", 1): _del,
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
    ("min_by", 1): _by(lambda keyed: extreme(keyed, largest=False), "iterated over"),
    ("max_by", 1): _by(lambda keyed: extreme(keyed, largest=True), "iterated over"),
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
