"""Timers: one heap, one sleeping call-back for the next that is due."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

Due: TypeAlias = "tuple[str, str, datetime]"  # run id, command id, when it is due

LONGEST_SLEEP = 3600.0  # seconds; an event loop's own timers are floats and overflow in the far future
BURST = 2_000  # timers that fire together, in one turn of the loop and one transaction: 50 ms of it


class Timers:
    """Fires each timer once, on the loop, when it is due, together with others that are.

    A timer is armed with the wall clock and then runs on the monotonic one, so that a clock that is set does not
    move what is armed already.
    """

    def __init__(self, fire: Callable[[Sequence[Due]], None], clock: Callable[[], datetime]) -> None:
        self._fire = fire
        self._clock = clock
        self._heap: list[tuple[float, int, str, str, datetime]] = []
        self._armed: dict[tuple[str, str], int] = {}
        self._numbers = count()
        self._wake: asyncio.TimerHandle | None = None
        self._stopped = False

    def __len__(self) -> int:
        return len(self._armed)

    def arm(self, run_id: str, command_id: str, due: datetime) -> None:
        """Arm a timer; one that is armed already is armed anew."""
        number = next(self._numbers)
        deadline = asyncio.get_running_loop().time() + (due - self._clock()).total_seconds()
        self._armed[run_id, command_id] = number
        heapq.heappush(self._heap, (deadline, number, run_id, command_id, due))
        if self._heap[0][1] == number:
            self._schedule()

    def disarm(self, run_id: str, command_id: str) -> None:
        """Forget a timer; its entry in the heap goes when its time comes."""
        self._armed.pop((run_id, command_id), None)

    def stop(self) -> None:
        """Fire nothing any more."""
        self._stopped = True
        if self._wake is not None:
            self._wake.cancel()

    def _schedule(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        if self._heap and not self._stopped:
            loop = asyncio.get_running_loop()
            self._wake = loop.call_at(min(self._heap[0][0], loop.time() + LONGEST_SLEEP), self._run)

    def _run(self) -> None:
        now = asyncio.get_running_loop().time()
        fired: list[Due] = []
        while self._heap and self._heap[0][0] <= now and len(fired) < BURST:
            _, number, run_id, command_id, due = heapq.heappop(self._heap)
            if self._armed.get((run_id, command_id)) == number:
                del self._armed[run_id, command_id]
                fired.append((run_id, command_id, due))
        if fired:
            self._fire(fired)
        self._schedule()
