"""What becomes of timers that are due: many at once are recorded in one transaction, and their runs driven in turn."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

from stigmer_core.errors import ResourceExhaustedError, UnavailableError
from stigmer_core.program import TimerFired
from stigmer_core.program_json import encode
from stigmer_plugin_engine_local import _store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from stigmer_core.program import Event
    from stigmer_core.store import Store, Transaction
    from stigmer_plugin_engine_local._claims import Claims
    from stigmer_plugin_engine_local._timers import Due

logger = logging.getLogger(__name__)

FEW = 50  # timers due at a time whose firing is recorded with the steps that follow
AT_ONCE = 64  # runs driven at a time; others wait while those that are asked for by a caller have their turn


class Firing:
    """Fires timers.

    A few are handed over as they are. Of many, each is put into its run's inbox and is no timer any more, all in one
    transaction: from then on it has fired, at that moment and before whatever comes later, however long it takes
    until all these runs have gone on.

    Args:
        store: where timers and inboxes are.
        claims: where large values are.
        clock: what time it is.
        deliver: hands an event to a run.
        notice: drives a run that has something in its inbox.
        driven: how many runs are driven.
    """

    def __init__(
        self,
        store: Store,
        claims: Claims,
        clock: Callable[[], datetime],
        *,
        deliver: Callable[[str, Event], None],
        notice: Callable[[str], None],
        driven: Callable[[], int],
    ) -> None:
        self._store, self._claims, self._clock = store, claims, clock
        self._deliver, self._notice, self._driven = deliver, notice, driven
        self._writes: set[asyncio.Task[None]] = set()
        self._waiting: deque[str] = deque()

    def fire(self, due: Sequence[Due]) -> None:
        """Fire timers."""
        fired = [(run_id, TimerFired(command_id, max(moment, self._clock()))) for run_id, command_id, moment in due]
        if len(fired) <= FEW and not self._writes:
            for run_id, event in fired:
                self._deliver(run_id, event)
            return
        write = asyncio.create_task(self._write(fired))
        self._writes.add(write)
        write.add_done_callback(self._written)

    def go_on(self) -> None:
        """Drive as many of the runs that wait as there is room for, once all that is due has fired."""
        while self._waiting and not self._writes and self._driven() < AT_ONCE:
            self._notice(self._waiting.popleft())

    async def close(self) -> None:
        """Fire nothing any more; what is not recorded is a timer still."""
        self._waiting.clear()
        writes = list(self._writes)
        for write in writes:
            write.cancel()
        await asyncio.gather(*writes, return_exceptions=True)

    async def _write(self, fired: Sequence[tuple[str, TimerFired]]) -> None:
        def record(tx: Transaction) -> list[str]:
            return [run_id for run_id, event in fired if _store.fire(tx, self._claims, run_id, event.id, encode(event))]

        try:
            self._waiting.extend(await self._store.run(record))
        except (ResourceExhaustedError, UnavailableError) as error:  # each step records it, once there is space
            logger.warning("timers not recorded together count=%d reason=%s", len(fired), error)
            for run_id, event in fired:
                self._deliver(run_id, event)

    def _written(self, write: asyncio.Task[None]) -> None:
        self._writes.discard(write)
        self.go_on()
