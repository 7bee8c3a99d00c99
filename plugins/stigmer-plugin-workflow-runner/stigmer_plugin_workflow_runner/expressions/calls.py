"""Calls: of what the expression defines, of what is built in, and what there is instead of a name that is unknown."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions import syntax
from stigmer_plugin_workflow_runner.expressions.closures import (
    Closure,
    Env,
    Function,
    Path,
    Scope,
    combinations,
    product,
)
from stigmer_plugin_workflow_runner.expressions.failure import UnsupportedExpressionError
from stigmer_plugin_workflow_runner.expressions.library import FUNCTIONS
from stigmer_plugin_workflow_runner.expressions.parser import parse
from stigmer_plugin_workflow_runner.expressions.prelude import PRELUDE
from stigmer_plugin_workflow_runner.expressions.shape import height
from stigmer_plugin_workflow_runner.expressions.special import SPECIAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stigmer_plugin_workflow_runner.expressions.closures import Key
    from stigmer_plugin_workflow_runner.expressions.values import Json

_REASONS = {
    "now localtime strflocaltime": "an expression has no clock and no time zone",
    "env get_search_list input_filename get_prog_origin get_jq_origin": "an expression has no environment",
    "input inputs debug stderr input_line_number": "an expression has no streams",
    "halt halt_error": "an expression cannot end the run, use 'error'",
    "modulemeta builtins": "an expression has no modules",
    "j0 j1 jn y0 y1 yn": "there are no Bessel functions",
}
_STEPS_PER_DEFINITION = 5  # of a call that makes an environment of its own, beside the call's
REFUSED = {name: reason for names, reason in _REASONS.items() for name in names.split()}


def compile_call(node: syntax.Call, scope: Scope) -> Closure:
    """Return the closure of a call.

    Raises:
        UnsupportedExpressionError: there is no such function, or not with so many arguments.
    """
    key = (node.name, len(node.arguments))
    arguments = tuple(scope.compile(argument, scope) for argument in node.arguments)
    if key in scope.functions:
        return _Call(key, scope.functions[key], arguments, node, lambda env: env.functions[key]).closure()
    if key in SPECIAL:
        return SPECIAL[key](*arguments)
    if key in FUNCTIONS:
        function = FUNCTIONS[key]
        # jq varies the first argument of a native function fastest
        return product(arguments[::-1], lambda value, env, found: function(env.budget, value, *found[::-1]))
    if key in PRELUDE:
        definition = _prelude(key, scope.compile)
        parameters = definition.parameters
        body, frames = definition.body, definition.height
        return _Call(
            key,
            parameters,
            arguments,
            node,
            lambda env: Function(body, Env({}, env.budget), frames, is_definition=True),
        ).closure()
    raise _unknown(node, len(arguments))


def _unknown(node: syntax.Call, arity: int) -> UnsupportedExpressionError:
    name, known = node.name, {word for word, _ in (*SPECIAL, *FUNCTIONS, *PRELUDE) if not word.startswith("_")}
    if name in REFUSED:
        message = f"{name!r} is not allowed: {REFUSED[name]}"
    elif name in known:
        message = f"the function {name!r} does not take {arity} arguments"
    else:
        close = get_close_matches(name, sorted(known), n=1)
        hint = f", did you mean {close[0]!r}?" if close else ""
        message = f"the function {name!r} is not supported by this version{hint}"
    return UnsupportedExpressionError(message, node.position)


class _Definition:
    """A function of the prelude; its body is compiled when it is first called, as it may call itself."""

    def __init__(self, node: syntax.Define, compile_node: Callable[[syntax.Node, Scope], Closure]) -> None:
        self.parameters = node.parameters
        self.height = height(node.body)
        self._node = node
        self._compile = compile_node
        self._body: Closure | None = None
        self.body = Closure(
            lambda value, env: self._compiled().many(value, env),
            None,
            lambda path, value, env: self._compiled().paths(path, value, env),
        )

    def _compiled(self) -> Closure:
        if self._body is None:
            node, key = self._node, (self._node.name, len(self._node.parameters))
            functions: dict[Key, tuple[str, ...]] = {(name.removeprefix("$"), 0): () for name in node.parameters}
            names = frozenset(name[1:] for name in node.parameters if name.startswith("$"))
            self._body = self._compile(node.body, Scope(self._compile, names, {key: node.parameters, **functions}))
        return self._body


@cache
def _prelude(key: Key, compile_node: Callable[[syntax.Node, Scope], Closure]) -> _Definition:
    node = parse(f"{PRELUDE[key]} .")
    if not isinstance(node, syntax.Define):
        raise TypeError(key)
    return _Definition(node, compile_node)


class _Call:
    """A call of a function with a body, or of an argument."""

    def __init__(
        self,
        key: Key,
        parameters: tuple[str, ...],
        arguments: tuple[Closure, ...],
        node: syntax.Call,
        find: Callable[[Env], Function],
    ) -> None:
        self._key = key
        self._find = find
        self._arguments = [
            ((name.removeprefix("$"), 0), argument, height(given))
            for name, argument, given in zip(parameters, arguments, node.arguments, strict=True)
        ]
        self._valued = [(at, name[1:]) for at, name in enumerate(parameters) if name.startswith("$")]

    def closure(self) -> Closure:
        def many(value: Json, env: Env) -> Iterator[Json]:
            function = self._find(env)
            for inner in self._bodies(function, value, env):
                yield from function.closure.many(value, inner)

        def paths(path: Path, value: Json, env: Env) -> Iterator[tuple[Path, Json]]:
            function = self._find(env)
            for inner in self._bodies(function, value, env):
                yield from function.closure.paths(path, value, inner)

        return Closure(many, None, paths)

    def _bodies(self, function: Function, value: Json, env: Env) -> Iterator[Env]:
        """Yield the environment of the body for each combination of the values that are passed."""
        inner = function.env.within(env, function.height)
        if function.is_definition:  # which may call itself
            env.budget.spend(_STEPS_PER_DEFINITION)
            passed = {key: Function(closure, env, frames) for key, closure, frames in self._arguments}
            inner = inner.define({self._key: function, **passed})
        if not self._valued:
            yield inner
            return
        closures = tuple(self._arguments[at][1] for at, _ in self._valued)
        for found in combinations(closures, value, env):
            bound = {name: item for (_, name), item in zip(self._valued, found, strict=True)}
            yield Env({**inner.variables, **bound}, inner.budget, inner.functions, inner.depth)
