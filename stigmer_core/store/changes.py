"""Every change to resources, as it is committed: bounded queues for those who watch, a log for those who come back."""

from __future__ import annotations

from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, Self

from stigmer_core.errors import ResourceExhaustedError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Sequence
    from types import TracebackType

KEPT_CHANGES = 100_000  # how far back a watcher can resume
MAX_WATCHERS = 20_000
MAX_QUEUED = 1_000
MAX_QUEUED_BYTES = 4 * 1024 * 1024
# Those who are told write at once, 50 us each, and another call needs several turns of the loop: without rests it waits
# for all of 2,500 watchers, with rests that do not count the writing its p99 is ten times worse. They hear within 1 s.
TOLD_AT_ONCE = 3
SHORTEST_REST_SECONDS = 0.001  # uvloop's timers know no less
REST = 0.5  # of the time that the telling and the writing took

ADDED, CHANGED, DELETED = "added", "changed", "deleted"


class ResourceChange(NamedTuple):
    """One write to one resource; `data` is its JSON after the write, empty when it was deleted."""

    revision: int
    type: str
    kind: str
    org: str
    id: str
    slug: str
    data: str


class Watcher:
    """What changed since it was made, in order; used on the event loop that made it, by one task at a time.

    Make it, then read the present state, then `take`: every change is in one of the two.
    """

    __slots__ = ("_bytes", "_hub", "_overflowed", "_queue", "_taken", "_waiter", "kind", "loop", "resource_id")

    def __init__(self, hub: ChangeHub, loop: AbstractEventLoop, kind: str, resource_id: str) -> None:
        self.loop = loop
        self.kind = kind
        self.resource_id = resource_id
        self._hub = hub
        self._queue: list[ResourceChange] = []
        self._bytes = 0
        self._taken = 0
        self._overflowed = False
        self._waiter: Future[None] | None = None

    def wants(self, change: ResourceChange) -> bool:
        """Return whether the change is of what is watched."""
        return (not self.kind or change.kind == self.kind) and self.resource_id in ("", change.id)

    async def take(self) -> Sequence[ResourceChange]:
        """Return the changes since the last `take`, at least one.

        Raises:
            ResourceExhaustedError: more piled up than is kept for one watcher; it names the revision to resume from.
        """
        while not self._queue and not self._overflowed:
            self._waiter = self.loop.create_future()
            await self._waiter
        if self._overflowed:
            raise ResourceExhaustedError(
                f"this watch is too slow: more than {MAX_QUEUED} changes or {MAX_QUEUED_BYTES} bytes wait;"
                f" resume after revision {self._taken}"
            )
        changes, self._queue, self._bytes = self._queue, [], 0
        return changes

    def delivered(self, revision: int) -> None:
        """Note up to where the watcher's client has been told."""
        self._taken = max(self._taken, revision)

    def offer(self, changes: Sequence[ResourceChange]) -> None:
        """Queue changes; called on the watcher's loop."""
        for change in changes:
            if self._overflowed or not self.wants(change):
                continue
            self._queue.append(change)
            self._bytes += len(change.data)
            if len(self._queue) > MAX_QUEUED or self._bytes > MAX_QUEUED_BYTES:
                self._overflowed = True
                self._queue.clear()
        if (self._queue or self._overflowed) and self._waiter is not None:
            if not self._waiter.done():
                self._waiter.set_result(None)
            self._waiter = None

    def close(self) -> None:
        """Stop watching."""
        self._hub.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class ChangeHub:
    """Who watches."""

    def __init__(self) -> None:
        self._watchers: dict[AbstractEventLoop, set[Watcher]] = {}
        self._news: dict[AbstractEventLoop, list[ResourceChange]] = {}
        self._lock = Lock()

    def watch(self, loop: AbstractEventLoop, *, kind: str, resource_id: str) -> Watcher:
        """Return a new watcher of a kind, or of one resource; an empty kind watches all of them.

        Raises:
            ResourceExhaustedError: there are 20,000 already.
        """
        watcher = Watcher(self, loop, kind, resource_id)
        with self._lock:
            if self.count() >= MAX_WATCHERS:
                raise ResourceExhaustedError(f"more than {MAX_WATCHERS} watchers")
            self._watchers.setdefault(loop, set()).add(watcher)
        return watcher

    def remove(self, watcher: Watcher) -> None:
        """Forget a watcher; one that is not here is fine."""
        with self._lock:
            watchers = self._watchers.get(watcher.loop, set())
            watchers.discard(watcher)
            if not watchers:
                self._watchers.pop(watcher.loop, None)

    def count(self) -> int:
        """Return how many watch."""
        return sum(map(len, self._watchers.values()))

    def loops(self) -> list[AbstractEventLoop]:
        """Return the loops on which somebody watches."""
        with self._lock:
            return list(self._watchers)

    def offer(self, loop: AbstractEventLoop, changes: Sequence[ResourceChange]) -> None:
        """Hand changes to every watcher of a loop, a few at a time and with rests between; called on that loop.

        What comes while a round is under way waits for the next one, so each watcher hears everything in order.
        """
        news = self._news.get(loop)
        if news is None:
            self._news[loop] = []
            self._tell(loop, changes, self._on(loop))
        else:
            news.extend(changes)

    def _tell(self, loop: AbstractEventLoop, changes: Sequence[ResourceChange], watchers: list[Watcher]) -> None:
        begun = perf_counter()
        for _ in range(min(TOLD_AT_ONCE, len(watchers))):
            watchers.pop().offer(changes)
        if not watchers:
            changes = self._news.pop(loop)
            if not changes:
                return
            self._news[loop], watchers = [], self._on(loop)
        loop.call_soon(self._rest, begun, loop, changes, watchers)

    def _rest(
        self, begun: float, loop: AbstractEventLoop, changes: Sequence[ResourceChange], watchers: list[Watcher]
    ) -> None:
        """Leave the loop to other calls; called behind those who were just told, so that they have written by now."""
        rest = max(SHORTEST_REST_SECONDS, REST * (perf_counter() - begun))
        loop.call_later(rest, self._tell, loop, changes, watchers)

    def _on(self, loop: AbstractEventLoop) -> list[Watcher]:
        with self._lock:
            return list(self._watchers.get(loop, ()))
