"""One module per kind of task; each has `KEYS`, its own keys, and `compile_body`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from stigmer_plugin_workflow_runner.program.tasks import (
    _call,
    _do,
    _emit,
    _for,
    _fork,
    _listen,
    _raise,
    _run,
    _set,
    _switch,
    _try,
    _wait,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Body


class TaskModule(Protocol):
    """What a module of a kind of task has."""

    @property
    def KEYS(self) -> Sequence[str]:  # noqa: N802 - a constant of the module
        """The keys of its own."""

    def compile_body(self, compiler: Compiler, place: Place) -> Body:
        """Compile what is special about the task, noting problems on the way."""


BODIES: Mapping[str, TaskModule] = {
    "call": _call,
    "do": _do,
    "emit": _emit,
    "for": _for,
    "fork": _fork,
    "listen": _listen,
    "raise": _raise,
    "run": _run,
    "set": _set,
    "switch": _switch,
    "try": _try,
    "wait": _wait,
}
