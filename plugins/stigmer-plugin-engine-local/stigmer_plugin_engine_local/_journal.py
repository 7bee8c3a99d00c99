"""Plain steps: those of one turn of the loop are written together."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from stigmer_plugin_engine_local import _store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.store import Store, Transaction
    from stigmer_plugin_engine_local._claims import Claims
    from stigmer_plugin_engine_local._recorder import Recorded

logger = logging.getLogger(__name__)


class Journal:
    """Appends the events of many runs in one go: a write of its own costs each of them ten times as much."""

    def __init__(self, store: Store, claims: Claims) -> None:
        self._store, self._claims = store, claims
        self._waiting: list[tuple[Recorded, asyncio.Future[bool]]] = []
        self._writes: set[asyncio.Task[None]] = set()

    async def append(self, recorded: Recorded) -> bool:
        """Append the event of a plain step.

        Returns:
            Whether it is durable. If not, nothing of it is written: something in the run's inbox comes first, or there
            was an error, which the step meets again when it is recorded on its own.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._begin)
        appended: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((recorded, appended))
        return await appended

    async def close(self) -> None:
        """Write nothing any more."""
        self._waiting.clear()
        writes = list(self._writes)
        for write in writes:
            write.cancel()
        await asyncio.gather(*writes, return_exceptions=True)

    def _begin(self) -> None:
        entries, self._waiting = self._waiting, []
        if entries:
            write = asyncio.create_task(self._write(entries))
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)

    async def _write(self, entries: Sequence[tuple[Recorded, asyncio.Future[bool]]]) -> None:
        steps = {recorded.live.run_id: recorded for recorded, _ in entries}
        try:
            done = await self._store.run(lambda tx: self._append(tx, steps))
        except Exception as error:  # noqa: BLE001 - each step meets it again on its own, and deals with it
            logger.info("steps not recorded together count=%d reason=%s", len(steps), error)
            done = set()
        for recorded, appended in entries:
            if not appended.done():
                appended.set_result(recorded.live.run_id in done)

    def _append(self, tx: Transaction, steps: dict[str, Recorded]) -> set[str]:
        """Append what nothing comes before, and return whose that was."""
        done = steps.keys() - _store.with_mail(tx, steps)
        plain = [step for run_id, step in steps.items() if run_id in done]
        _store.append(tx, *(step.journal_entry(tx, self._claims) for step in plain))
        _store.begin(tx, *((step.live.run_id, step.live.busy) for step in plain if step.event is None))
        return done
