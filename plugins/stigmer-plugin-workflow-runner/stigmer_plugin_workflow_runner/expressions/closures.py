"""Nodes to closures.

A jq filter makes any number of values of one. Most expressions make exactly one, so a node whose parts all do is
compiled to a plain function (`one`), and only the others to a generator (`many`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from stigmer_plugin_workflow_runner.expressions.values import Json

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.expressions.budget import Budget


class Env:
    """What an expression sees beside its input: variables and the budget."""

    __slots__ = ("budget", "variables")

    def __init__(self, variables: Mapping[str, Json], budget: Budget) -> None:
        self.variables = variables
        self.budget = budget

    def bind(self, name: str, value: Json) -> Env:
        """Return an environment with one more variable."""
        return Env({**self.variables, name: value}, self.budget)


One: TypeAlias = Callable[[Json, Env], Json]
Many: TypeAlias = Callable[[Json, Env], Iterator[Json]]


@dataclass(frozen=True, slots=True)
class Closure:
    """A compiled node: `one` is there when it always makes exactly one value."""

    many: Many
    one: One | None = None


@dataclass(slots=True)
class Scope:
    """The variables that are bound where a node stands, and all that were found free so far."""

    bound: frozenset[str] = frozenset()
    free: set[str] = field(default_factory=set)

    def with_variable(self, name: str) -> Scope:
        """Return the scope of a body that sees one more variable."""
        return Scope(self.bound | {name}, self.free)


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
