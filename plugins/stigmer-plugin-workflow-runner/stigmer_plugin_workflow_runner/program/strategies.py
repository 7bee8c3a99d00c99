"""How many events are consumed before it goes on: one, any, all, or any until something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.events import ANY_TYPE
from stigmer_plugin_workflow_runner.program.filters import compile_filter

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler
    from stigmer_plugin_workflow_runner.program.filters import Evaluate, Filter
    from stigmer_plugin_workflow_runner.program.templates import Template

ONE, ANY, ALL = "one", "any", "all"
_MODES = (ALL, ANY, ONE)


@dataclass(frozen=True, slots=True)
class Taken:
    """What an event that was meant changes: the progress (plain JSON), and whether it is consumed, and the last."""

    progress: dict[str, Json]
    is_item: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class Strategy:
    """Filters, and what ends an `any`: an expression over what was consumed so far, or other events."""

    mode: str
    filters: Sequence[Filter]
    until: Template | None = None
    until_events: Strategy | None = None

    def types(self) -> frozenset[str]:
        """Return the types of the events that may be meant; `*` for all."""
        own = {one.type for one in self.filters} or {ANY_TYPE}
        return frozenset(own | (self.until_events.types() if self.until_events is not None else set()))

    def consume(self, progress: dict[str, Any], event: dict[str, Json], evaluate: Evaluate) -> Taken | None:
        """Return what an event changes, None when it is not meant.

        Args:
            progress: what the events before have left, empty at first.
            event: the event.
            evaluate: evaluates a template in the scope of who listens.

        Raises:
            TaskFault: what a correlation expects cannot be evaluated.
        """
        ending = None
        if self.until_events is not None:
            ending = self.until_events.consume(progress.get("until", {}), event, evaluate)
        found = self._take(progress, event, evaluate)
        if ending is None and found is None:
            return None
        after = {**progress, **(found or {})}
        if ending is not None:
            after["until"] = ending.progress
        is_last = (ending is not None and ending.is_last) or (found is not None and self._is_complete(after))
        return Taken(after, is_item=found is not None, is_last=is_last)

    def _take(self, progress: dict[str, Any], event: dict[str, Json], evaluate: Evaluate) -> dict[str, Json] | None:
        if not self.filters:
            return {}
        matched = progress.get("matched", [])
        for index, one in enumerate(self.filters):
            if index in matched:
                continue  # of `all`, each is for one event
            expected = one.take(event, progress.get("expected", {}), evaluate)
            if expected is not None:
                return {"expected": expected, "matched": [*matched, index] if self.mode == ALL else []}
        return None

    def _is_complete(self, progress: dict[str, Any]) -> bool:
        if self.mode == ALL:
            return len(progress["matched"]) == len(self.filters)
        return self.mode == ONE or (self.until is None and self.until_events is None)


def compile_strategy(compiler: Compiler, value: Json, pointer: str, visible: Collection[str]) -> Strategy:
    """Compile an event consumption strategy, noting problems on the way."""
    section = value if isinstance(value, dict) else {}
    compiler.keys(section, (*_MODES, "until"), pointer)
    modes = [mode for mode in _MODES if mode in section]
    if len(modes) != 1:
        compiler.problem(pointer, "expected one of 'one', 'any' and 'all'")
        return Strategy(ONE, ())
    (mode,) = modes
    listed = [section[mode]] if mode == ONE else section[mode]
    if not isinstance(listed, list) or (mode == ALL and not listed):
        compiler.problem(f"{pointer}/{mode}", "expected a list of filters")
        listed = []
    filters = tuple(
        compile_filter(compiler, item, f"{pointer}/{mode}" if mode == ONE else f"{pointer}/{mode}/{at}", visible)
        for at, item in enumerate(listed)
    )
    if "until" not in section:
        return Strategy(mode, filters)
    if mode != ANY:
        compiler.problem(f"{pointer}/until", "'until' is for 'any'")
    return _with_until(compiler, filters, section["until"], f"{pointer}/until", visible)


def _with_until(
    compiler: Compiler, filters: Sequence[Filter], until: Json, pointer: str, visible: Collection[str]
) -> Strategy:
    if not isinstance(until, dict):
        return Strategy(ANY, filters, until=compiler.expression(until, pointer, visible))
    if "until" in until:
        compiler.problem(f"{pointer}/until", "what ends the listening has no 'until' of its own")
    return Strategy(ANY, filters, until_events=compile_strategy(compiler, until, pointer, visible))
