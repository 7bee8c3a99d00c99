"""Removing large values that nobody needs any more: those of runs that Temporal has forgotten, with all their children.

A value may be needed as long as a history refers to it, and Temporal keeps histories of its own accord: while a run
goes on, and for the namespace's retention after. So what decides is what Temporal still has, never what this engine
believes. The values of a run go when all of this holds:

* none was kept, or used again, for an hour: what is written before Temporal has heard of it is younger than that;
* the store does not know the run as one that goes on, or that may be recovered;
* Temporal knows no workflow of the run, by a look that is exact;
* and none of its children, nor of theirs, which may outlive it: a look at the listing by the outermost workflow. A
  listing may lag, but whoever started such a child is in it, for he is kept for the retention after he has ended.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.service import RPCError

from stigmer_core.errors import StigmerError
from stigmer_plugin_engine_temporal import _store
from stigmer_plugin_engine_temporal._keeper import Keeper
from stigmer_plugin_engine_temporal._lookup import described
from stigmer_plugin_engine_temporal._names import SEARCH_ATTRIBUTE, workflow_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from temporalio.client import Client

    from stigmer_core.store import Store
    from stigmer_plugin_engine_temporal._claims import ClaimStore
    from stigmer_plugin_engine_temporal._connection import Connection

logger = logging.getLogger(__name__)

FIRST_SECONDS = 60.0  # after the start
EVERY_SECONDS = 3600.0
UNUSED_SECONDS = 3600.0
ANSWER_WITHIN = timedelta(seconds=10)


class Collector(Keeper):
    """Looks once an hour; one installation per store of values does, the one that made it."""

    def __init__(
        self,
        store: Store,
        connection: Connection,
        claims: ClaimStore,
        runners: Iterable[str],
        *,
        unused_seconds: float = UNUSED_SECONDS,
    ) -> None:
        super().__init__()
        self._store = store
        self._connection = connection
        self._claims = claims
        self._runners = tuple(runners)
        self._unused_seconds = unused_seconds

    async def collect(self) -> int:
        """Remove what nobody needs any more; return of how many runs."""
        removed = 0
        for run_id in await self._claims.runs():
            try:
                removed += await self._collect(await self._connection.connected(), run_id)
            except (StigmerError, OSError, RPCError) as error:  # it stays until the next time
                logger.warning("values not collected run=%s reason=%s", run_id, error)
        return removed

    async def _run(self) -> None:
        pause = FIRST_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = EVERY_SECONDS
            try:
                removed = await self.collect()
                logger.info("values collected runs=%d", removed)
            except Exception:  # the last edge: the next time may do better
                logger.exception("values not collected")

    async def _collect(self, client: Client, run_id: str) -> bool:
        if await self._claims.unused_seconds(run_id) < self._unused_seconds:
            return False
        if await self._store.read_slowly(lambda reader: _store.may_go_on(reader, run_id)):
            return False
        own = await self._store.read_slowly(lambda reader: _store.runner_of(reader, run_id))
        roots = [workflow_id(runner, run_id) for runner in {*self._runners, *([own] if own else [])}]
        for identity in roots:
            if await described(client, identity, within=ANSWER_WITHIN) is not None:
                return False
        if await _has_any(client, roots, run_id if self._connection.knows_attribute else ""):
            return False
        return await self._claims.remove(run_id, self._unused_seconds)


async def _has_any(client: Client, roots: list[str], attribute: str) -> bool:
    """Return whether Temporal lists a workflow under one of these, the child of a child too, or with the attribute."""
    query = f"RootWorkflowId IN ({', '.join(map(_quoted, roots))})"
    if attribute:  # it finds those of a runner that is not installed any more
        query += f" OR {SEARCH_ATTRIBUTE} = {_quoted(attribute)}"
    return bool([one async for one in client.list_workflows(query, limit=1, rpc_timeout=ANSWER_WITHIN)])


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
