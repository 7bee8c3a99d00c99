"""The functions that go round: without recursion, so that only the budget ends them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.expressions.closures import Closure, Env, Path, first_of, product, single, standing
from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.operators import index, items
from stigmer_plugin_workflow_runner.expressions.values import Json, is_number, number, shown, truthy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SUSPENDED = 4  # steps for a generator that waits on the stack, which takes as much memory as some values


def _tree(
    start: Any, inner: Callable[[Any], Iterator[Any]], keep: Callable[[Any], Iterator[bool]], env: Env
) -> Iterator[Any]:
    """Yield a node and those below it, each node's children before its next sibling.

    `keep` says whether a node counts, for each value of a condition.
    """
    stack = [iter((start,))]
    while stack:
        node = next(stack[-1], stack)
        if node is stack:
            stack.pop()
            continue
        for kept in keep(node):
            env.budget.spend(_SUSPENDED)
            if kept:
                yield node
                stack.append(inner(node))


def _always(_node: Any) -> Iterator[bool]:
    return iter((True,))


def _recurse(body: Closure, condition: Closure | None = None) -> Closure:
    def many(value: Json, env: Env) -> Iterator[Json]:
        def inner(node: Json) -> Iterator[Json]:
            found = body.many(node, env)
            return found if condition is None else (item for item in found if _holds(item, env))

        def _holds(item: Json, env: Env) -> bool:
            return condition is None or any(map(truthy, condition.many(item, env)))

        return _tree(value, inner, _always, env)

    def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        def inner(node: tuple[Path, Json]) -> Iterator[tuple[Path, Json]]:
            for place, found in body.paths(*node, env):
                for kept in condition.many(found, env) if condition is not None else (True,):
                    if truthy(kept):
                        yield place, found

        return _tree((path, value), inner, _always, env)

    return Closure(many, None, paths)


def _recurse_all() -> Closure:
    def many(value: Json, env: Env) -> Iterator[Json]:
        stack = [value]
        while stack:
            env.budget.spend()
            found = stack.pop()
            yield found
            if isinstance(found, (list, dict)) and found:
                listed = items(found)
                env.budget.copy(len(listed))
                stack.extend(reversed(listed))

    return Closure(many, None, all_below)


def all_below(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
    """Yield a value and all values in it, with their paths."""

    def inner(node: tuple[Path, Json]) -> Iterator[tuple[Path, Json]]:
        place, found = node
        if not isinstance(found, (list, dict)):
            return
        keys, listed = standing(place, found), items(found)
        for key, item in zip(found if isinstance(found, dict) else range(len(listed)), listed, strict=True):
            yield ((*keys, key), item), item

    return _tree((path, value), inner, _always, env)


def _while(condition: Closure, update: Closure) -> Closure:
    def many(value: Json, env: Env) -> Iterator[Json]:
        return _tree(
            value,
            lambda node: update.many(node, env),
            lambda node: map(truthy, condition.many(node, env)),
            env,
        )

    def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        return _tree(
            (path, value),
            lambda node: update.paths(node[0], node[1], env),
            lambda node: map(truthy, condition.many(node[1], env)),
            env,
        )

    return Closure(many, None, paths)


def _until(condition: Closure, update: Closure) -> Closure:
    def search(start: Any, made: Callable[[Any], Iterator[Any]], env: Env, of: Callable[[Any], Json]) -> Iterator[Any]:
        stack = [iter((start,))]
        while stack:
            node = next(stack[-1], stack)
            if node is stack:
                stack.pop()
                continue
            for holds in condition.many(of(node), env):
                env.budget.spend(_SUSPENDED)
                if truthy(holds):
                    yield node
                else:
                    stack.append(made(node))

    return Closure(
        lambda value, env: search(value, lambda node: update.many(node, env), env, lambda node: node),
        None,
        lambda path, value, env: search(
            (path, value), lambda node: update.paths(node[0], node[1], env), env, lambda node: node[1]
        ),
    )


def _repeat(body: Closure) -> Closure:
    def many(value: Json, env: Env) -> Iterator[Json]:
        while True:
            env.budget.spend()
            yield from body.many(value, env)

    def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        while True:
            env.budget.spend()
            yield from body.paths(path, value, env)

    return Closure(many, None, paths)


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


def _counted(word: str, take: Callable[[Iterator[Any], float, Env], Iterator[Any]]) -> Callable[..., Closure]:
    def build(count: Closure, body: Closure) -> Closure:
        def counts(value: Json, env: Env) -> Iterator[float]:
            for wanted in count.many(value, env):
                env.budget.spend()
                if not is_number(wanted):
                    raise JqError(f"{shown(wanted)} and number (1) cannot be subtracted")
                if wanted < 0:
                    raise JqError(f"{word} doesn't support negative {'indices' if word == 'nth' else 'count'}")
                yield wanted

        def many(value: Json, env: Env) -> Iterator[Json]:
            for wanted in counts(value, env):
                yield from take(body.many(value, env), wanted, env)

        def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
            for wanted in counts(value, env):
                yield from take(body.paths(path, value, env), wanted, env)

        return Closure(many, None, paths)

    return build


def _taken(values: Iterator[Any], count: float, env: Env) -> Iterator[Any]:
    if count <= 0:
        return
    for found in values:
        env.budget.spend()
        yield found
        count -= 1
        if count <= 0:
            return


def _skipped(values: Iterator[Any], count: float, env: Env) -> Iterator[Any]:
    for found in values:
        env.budget.spend()
        count -= 1
        if count < 0:
            yield found


def _nth(values: Iterator[Any], count: float, env: Env) -> Iterator[Any]:
    return islice(_skipped(values, count, env), 1)


def _first(body: Closure) -> Closure:
    return Closure(
        lambda value, env: iter(first_of(body, value, env)),
        body.one,
        lambda path, value, env: islice(body.paths(path, value, env), 1),
    )


def _last(body: Closure) -> Closure:
    def many(value: Json, env: Env) -> Iterator[Json]:
        last = many
        for last in body.many(value, env):  # noqa: B007 - the last one counts
            env.budget.spend()
        return iter(() if last is many else (last,))

    return Closure(many, body.one)


def _at(position: int) -> Callable[[], Closure]:
    def build() -> Closure:
        def paths(path: Path, value: Json, _env: Env) -> Iterator[tuple[Path, Json]]:
            found = index(value, position)
            yield ((*standing(path, value), position), found), found

        plain = single(lambda value, _env: index(value, position))
        return Closure(plain.many, plain.one, paths)

    return build


LOOPS: dict[tuple[str, int], Callable[..., Closure]] = {
    ("recurse", 0): _recurse_all,
    ("recurse", 1): _recurse,
    ("recurse", 2): _recurse,
    ("while", 2): _while,
    ("until", 2): _until,
    ("repeat", 1): _repeat,
    ("range", 1): _range,
    ("range", 2): _range,
    ("range", 3): _range,
    ("limit", 2): _counted("limit", _taken),
    ("skip", 2): _counted("skip", _skipped),
    ("nth", 2): _counted("nth", _nth),
    ("first", 1): _first,
    ("last", 1): _last,
    ("first", 0): _at(0),
    ("last", 0): _at(-1),
}
