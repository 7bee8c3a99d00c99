"""Waking those who wait for a change: conflated, so a slow waiter costs one flag and not a queue."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from stigmer_core.errors import ResourceExhaustedError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

MAX_SUBSCRIPTIONS = 100_000


class Subscription:
    """A wish to be woken by commits that touch a key; used on the event loop that made it, by one task at a time.

    Subscribe, then read, then wait: a commit is either in what was read, or wakes the wait.
    """

    __slots__ = ("_feed", "_pending", "_waiter", "key", "loop")

    def __init__(self, feed: Feed, key: str, loop: AbstractEventLoop) -> None:
        self.key = key
        self.loop = loop
        self._feed = feed
        self._pending = False
        self._waiter: Future[None] | None = None

    async def wait(self) -> None:
        """Return after a commit touched the key since the last `wait`, or since the subscription."""
        while not self._pending:
            self._waiter = self.loop.create_future()
            await self._waiter
        self._pending = False

    def wake(self) -> None:
        """Note a commit; called on the subscription's loop."""
        self._pending = True
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)
        self._waiter = None

    def close(self) -> None:
        """Stop being woken."""
        self._feed.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Feed:
    """Who waits for what."""

    def __init__(self) -> None:
        self._by_key: dict[str, list[Subscription]] = {}  # lists: nearly all have one, and a set of one takes 260 bytes
        self._count = 0
        self._lock = Lock()

    def subscribe(self, key: str, loop: AbstractEventLoop) -> Subscription:
        """Return a new subscription.

        Raises:
            ResourceExhaustedError: there are 100,000 already.
        """
        subscription = Subscription(self, key, loop)
        with self._lock:
            if self._count >= MAX_SUBSCRIPTIONS:
                raise ResourceExhaustedError(f"more than {MAX_SUBSCRIPTIONS} subscriptions")
            if (waiting := self._by_key.get(key)) is None:
                self._by_key[key] = [subscription]
            else:
                waiting.append(subscription)
            self._count += 1
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription; one that is not here is fine."""
        with self._lock:
            waiting = self._by_key.get(subscription.key, [])
            if subscription not in waiting:
                return
            waiting.remove(subscription)
            self._count -= 1
            if not waiting:
                del self._by_key[subscription.key]

    def waiting_for(self, keys: Iterable[str]) -> list[Subscription]:
        """Return the subscriptions to any of these keys."""
        if not self._by_key:
            return []
        with self._lock:
            return [subscription for key in keys for subscription in self._by_key.get(key, ())]
