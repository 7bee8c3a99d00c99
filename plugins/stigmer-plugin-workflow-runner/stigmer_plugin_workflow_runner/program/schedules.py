"""`schedule`: when runs of a workflow start by themselves. Source: DSL reference, "Schedule"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.cron import what_is_wrong
from stigmer_plugin_workflow_runner.program.durations import parse_duration
from stigmer_plugin_workflow_runner.program.events import READS
from stigmer_plugin_workflow_runner.program.faults import TaskFault
from stigmer_plugin_workflow_runner.program.strategies import Strategy, compile_strategy

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler

SHORTEST = timedelta(seconds=1)
_KINDS = ("every", "cron", "after", "on")
_POINTER = "/schedule"


@dataclass(frozen=True, slots=True)
class Schedule:
    """One of: an interval, a cron expression in UTC, a delay after the end of the run before, events."""

    every: timedelta | None = None
    cron: str = ""
    after: timedelta | None = None
    on: Strategy | None = None
    how: str = "data"  # how events are read


def compile_schedule(compiler: Compiler, section: dict[str, Json]) -> Schedule:
    """Compile a schedule, noting problems on the way. Without a run there is no context, so no variables either."""
    compiler.keys(section, (*_KINDS, "read"), _POINTER)
    kinds = [kind for kind in _KINDS if kind in section]
    if len(kinds) != 1:
        compiler.problem(_POINTER, "a schedule has one of 'every', 'cron', 'after' and 'on'")
        return Schedule()
    how = section.get("read", "data")
    if how not in READS:
        compiler.problem(f"{_POINTER}/read", f"events are read as {', '.join(READS)}, not {how!r}")
    if "read" in section and "on" not in section:
        compiler.problem(f"{_POINTER}/read", "'read' is for 'on'")
    value = section[kinds[0]]
    match kinds[0]:
        case "cron":
            return Schedule(cron=_cron(compiler, value))
        case "on":
            strategy = compile_strategy(compiler, value, f"{_POINTER}/on", frozenset())
            return Schedule(on=strategy, how=str(how))
        case "every":
            return Schedule(every=_duration(compiler, value, f"{_POINTER}/every"))
    return Schedule(after=_duration(compiler, value, f"{_POINTER}/after"))


def _cron(compiler: Compiler, value: Json) -> str:
    wrong = what_is_wrong(value) if isinstance(value, str) else "expected a cron expression"
    if wrong:
        compiler.problem(f"{_POINTER}/cron", wrong, "minute hour day month weekday, as in '0 9 * * mon-fri', in UTC")
        return ""
    return str(value)


def _duration(compiler: Compiler, value: Json, pointer: str) -> timedelta:
    try:
        duration = parse_duration(value)
    except TaskFault as error:
        compiler.problem(pointer, str(error), "such as PT5M, or {minutes: 5}")
        return SHORTEST
    if duration < SHORTEST:
        compiler.problem(pointer, "a workflow starts at most once a second")
    return duration
