"""Nodes to closures.

A jq filter makes any number of values of one. Most expressions make exactly one, so a node whose parts all do is
compiled to a plain function (`one`), and only the others to a generator (`many`). A third function (`paths`) makes
the values together with where they stand in the input, for `path(…)` and assignments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.values import Json, brief

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.expressions import syntax
    from stigmer_plugin_workflow_runner.expressions.budget import Budget

Key: TypeAlias = "tuple[str, int]"  # a function's name and how many arguments it takes


class Env:
    """What an expression sees beside its input: variables, functions and the budget."""

    __slots__ = ("budget", "depth", "functions", "variables")

    def __init__(
        self,
        variables: Mapping[str, Json],
        budget: Budget,
        functions: Mapping[Key, Function] | None = None,
        depth: int = 0,
    ) -> None:
        self.variables = variables
        self.budget = budget
        self.functions: Mapping[Key, Function] = functions or {}
        self.depth = depth

    def bind(self, name: str, value: Json) -> Env:
        """Return an environment with one more variable."""
        return Env({**self.variables, name: value}, self.budget, self.functions, self.depth)

    def define(self, functions: Mapping[Key, Function]) -> Env:
        """Return an environment with more functions."""
        return Env(self.variables, self.budget, {**self.functions, **functions}, self.depth)

    def within(self, caller: Env, height: int) -> Env:
        """Return the environment of a body that a caller calls from its own.

        Raises:
            BudgetExceededError: calls are nested too deeply.
        """
        depth = caller.depth + height
        self.budget.enter(depth)
        return Env(self.variables, self.budget, self.functions, depth)


# Where a value stands: the keys that lead to it, and what is there. A value that is something else is at no path.
Path: TypeAlias = "tuple[tuple[Json, ...], Json]"
One: TypeAlias = Callable[[Json, Env], Json]
Many: TypeAlias = Callable[[Json, Env], Iterator[Json]]
Paths: TypeAlias = "Callable[[Path, Json, Env], Iterator[tuple[Path, Json]]]"


class Closure:
    """A compiled node: `one` is there when it always makes exactly one value."""

    __slots__ = ("many", "one", "paths")

    def __init__(self, many: Many, one: One | None = None, paths: Paths | None = None) -> None:
        self.many = many
        self.one = one
        self.paths: Paths = paths or self._computed

    def _computed(self, path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
        return ((path, found) for found in self.many(value, env))


@dataclass(slots=True)
class Function:
    """What a name calls: a definition, or an argument with the environment of whoever passed it."""

    closure: Closure
    env: Env
    height: int
    is_definition: bool = False


@dataclass(slots=True)
class Scope:
    """What is bound where a node stands, functions with their parameters, and the variables found free so far."""

    compile: Callable[[syntax.Node, Scope], Closure]
    bound: frozenset[str] = frozenset()
    functions: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    free: set[str] = field(default_factory=set)

    def with_variables(self, *names: str) -> Scope:
        """Return the scope of a body that sees more variables."""
        return Scope(self.compile, self.bound | set(names), self.functions, self.free)

    def with_functions(self, functions: Mapping[Key, tuple[str, ...]]) -> Scope:
        """Return the scope of a body that sees more functions."""
        return Scope(self.compile, self.bound, {**self.functions, **functions}, self.free)


def single(function: One) -> Closure:
    """Return the closure of a node that makes exactly one value."""

    def many(value: Json, env: Env) -> Iterator[Json]:
        yield function(value, env)

    return Closure(many, function)


def product(arguments: tuple[Closure, ...], compute: Callable[[Json, Env, tuple[Json, ...]], Json]) -> Closure:
    """Return the closure that computes a value of its input and each combination of its arguments' values.

    The last argument varies fastest.
    """
    functions = [argument.one for argument in arguments]
    if all(functions):
        ones: list[One] = [function for function in functions if function is not None]
        return single(lambda value, env: compute(value, env, tuple(one(value, env) for one in ones)))

    def many(value: Json, env: Env) -> Iterator[Json]:
        for combination in combinations(arguments, value, env):
            env.budget.spend()
            yield compute(value, env, combination)

    return Closure(many)


def combinations(arguments: tuple[Closure, ...], value: Json, env: Env) -> Iterator[tuple[Json, ...]]:
    """Yield each combination of the arguments' values, the last varying fastest."""
    if not arguments:
        yield ()
        return
    for first in arguments[0].many(value, env):
        for rest in combinations(arguments[1:], value, env):
            yield (first, *rest)


def first_of(closure: Closure, value: Json, env: Env) -> list[Json]:
    """Return the first value a closure makes, in a list that is empty when there is none."""
    if closure.one is not None:
        return [closure.one(value, env)]
    return list(islice(closure.many(value, env), 1))


def keys_of(closure: Closure, value: Json, env: Env) -> Iterator[tuple[Json, ...]]:
    """Yield the paths of what a closure makes of a value.

    Raises:
        JqError: something it makes is not a part of the value.
    """
    for path, found in closure.paths(((), value), value, env):
        env.budget.spend()
        yield standing(path, found)


def standing(path: Path, value: Json) -> tuple[Json, ...]:
    """Return the keys of a path.

    Raises:
        JqError: the value is not the one at the path.
    """
    keys, there = path
    if value is there:
        return keys
    if type(value) is type(there) and not isinstance(value, (str, list, dict)) and value == there:
        return keys
    raise JqError(f"Invalid path expression with result {brief(value)}")
