"""Streams that go on when their server goes and comes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stigmer_core.cli.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeVar

    T = TypeVar("T")

_RESUMABLE = ("UNAVAILABLE", "RESOURCE_EXHAUSTED")
_RECONNECTS = 30
_RECONNECT_SECONDS = 1.0


def resumed(begin: Callable[[], Iterable[T]]) -> Iterator[T]:
    """Yield what a stream answers, until it ends.

    Args:
        begin: opens the stream where it was left, and is called anew when the server was away, or this too slow for it.

    Raises:
        Failure: another one, or the server has not come back within half a minute.
    """
    failures = 0
    while True:
        try:
            for item in begin():
                failures = 0
                yield item
        except Failure as failure:
            failures += 1
            if failure.status not in _RESUMABLE or failures > _RECONNECTS:
                raise
            time.sleep(_RECONNECT_SECONDS)
        else:
            return
