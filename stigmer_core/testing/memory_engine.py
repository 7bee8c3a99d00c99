"""Drives a program in memory, for the tests of programs: no store, no engine, and by default no real time either."""

from __future__ import annotations

import asyncio
import heapq
import json
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stigmer_core.program import (
    ActivityContext,
    ActivityDone,
    ActivityError,
    ActivityFailed,
    CallActivity,
    Cancel,
    CancelRequested,
    ChildDone,
    Complete,
    Fail,
    Failure,
    Publish,
    StartChild,
    StartTimer,
    TimerFired,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stigmer_core.program import Activity, Command, Event, Json, Program, Step

START = datetime(2026, 1, 1, tzinfo=UTC)
MOST_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, and everything it did on the way.

    Exactly one of `output` and `failure` counts: `failure` is None when the run completed. `finished_at` is in the
    run's own time.
    """

    output: Json
    failure: Failure | None
    cancelled: bool
    statuses: Sequence[Json]
    commands: Sequence[Command]
    events: Sequence[Event]
    finished_at: datetime


@dataclass(slots=True)
class MemoryEngine:
    """Drives runs of a program; timers fire as soon as nothing else can happen, and time jumps to them.

    Args:
        program: what is driven. Every state goes through JSON between two steps, as it would on a real engine.
        activities: what the program may ask for, by name.
        children: the programs of other runners, by name, for `StartChild`.
        cancel_after: the number of events after which the run is asked to cancel; None for never.
    """

    program: Program
    activities: Mapping[str, Activity] = field(default_factory=dict)
    children: Mapping[str, Program] = field(default_factory=dict)
    cancel_after: int | None = None
    start_at: datetime = START

    async def run(self, input: Json, *, run_id: str = "run-1") -> Outcome:  # noqa: A002 - the program's word
        """Drive one run to its end.

        Raises:
            RuntimeError: the run waits for something that never comes.
        """
        return await _MemoryRun(self, run_id).drive(input)


class _MemoryRun:
    def __init__(self, engine: MemoryEngine, run_id: str) -> None:
        self._engine = engine
        self._run_id = run_id
        self._now = engine.start_at
        self._due: list[tuple[datetime, int, str]] = []
        self._timers: dict[str, int] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._answers: asyncio.Queue[Event] = asyncio.Queue()
        self._commands: list[Command] = []
        self._events: list[Event] = []

    async def drive(self, value: Json) -> Outcome:
        step = self._engine.program.start(value, self._now)
        try:
            while (ended := self._act(step)) is None:
                if len(self._events) > MOST_STEPS:
                    raise RuntimeError("the run does not end")
                event = await self._next()
                self._events.append(event)
                step = self._engine.program.advance(json.loads(json.dumps(step.state)), event)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        return ended

    def _act(self, step: Step) -> Outcome | None:
        self._commands.extend(step.commands)
        for command in step.commands:
            match command:
                case CallActivity():
                    self._tasks[command.id] = asyncio.create_task(self._call(command))
                case StartChild():
                    self._tasks[command.id] = asyncio.create_task(self._child(command))
                case StartTimer():
                    self._timers[command.id] = len(self._commands)
                    heapq.heappush(self._due, (command.due, len(self._commands), command.id))
                case Cancel():
                    self._timers.pop(command.id, None)
                    if task := self._tasks.pop(command.id, None):
                        task.cancel()
                case Complete():
                    return self._outcome(command.output, None, cancelled=False)
                case Fail():
                    return self._outcome(None, command.failure, cancelled=command.cancelled)
        return None

    def _outcome(self, output: Json, failure: Failure | None, *, cancelled: bool) -> Outcome:
        statuses = [command.status for command in self._commands if isinstance(command, Publish)]
        return Outcome(output, failure, cancelled, statuses, self._commands, self._events, self._now)

    async def _next(self) -> Event:
        if self._engine.cancel_after is not None and len(self._events) == self._engine.cancel_after:
            return CancelRequested("cancel", "asked by the test", self._now)
        while True:
            for _ in range(3):  # activities that need no real time get their turns before a timer does
                await asyncio.sleep(0)
            if not self._answers.empty() or (self._tasks and not self._timers):
                return await self._answers.get()
            while self._due:
                due, number, timer_id = heapq.heappop(self._due)
                if self._timers.get(timer_id) == number:
                    del self._timers[timer_id]
                    self._now = max(self._now, due)
                    return TimerFired(timer_id, self._now)
            if not self._tasks:
                raise RuntimeError("the run waits for something that never comes")

    async def _call(self, command: CallActivity) -> None:
        context = ActivityContext(self._run_id, command.id, 1)
        try:
            async with asyncio.timeout(command.timeout.total_seconds() if command.timeout else None):
                result = await self._engine.activities[command.activity](command.arguments, context)
            event: Event = ActivityDone(command.id, json.loads(json.dumps(result)), self._now)
        except ActivityError as error:
            event = ActivityFailed(command.id, error.failure, self._now)
        except TimeoutError:
            event = ActivityFailed(command.id, Failure("timeout", "Timeout", 408, retryable=True), self._now)
        self._tasks.pop(command.id, None)
        self._answers.put_nowait(event)

    async def _child(self, command: StartChild) -> None:
        child = MemoryEngine(self._engine.children[command.runner], self._engine.activities, self._engine.children)
        outcome = await child.run(command.input, run_id=f"{self._run_id}{command.id}")
        self._tasks.pop(command.id, None)
        self._answers.put_nowait(ChildDone(command.id, outcome.output, outcome.failure, self._now))


def task_order(statuses: Sequence[Json]) -> list[str]:
    """Return the names of the tasks in the order they started, from what a workflow's run published."""
    waiting: deque[Json] = deque(event for status in statuses for event in status.get("events", ()))
    return [event["taskName"] for event in waiting if event["eventType"] == "task_started"]
