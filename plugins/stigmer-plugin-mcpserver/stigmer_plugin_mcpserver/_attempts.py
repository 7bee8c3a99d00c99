"""Attempts to connect: a few at once, each ends in the status, whatever happens to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import ResourceExhaustedError, StigmerError
from stigmer_plugin_mcpserver import _record
from stigmer_plugin_mcpserver._failure import ConnectFailure, Reason
from stigmer_plugin_mcpserver._variables import variables_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime, timedelta

    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.store import Transaction
    from stigmer_plugin_mcpserver._discovery import Listing
    from stigmer_plugin_mcpserver._offer import Offer

AT_ONCE = 4
MOST_UNFINISHED = 64

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that has begun: `server` as it was stored then, `task` ends with it as it is stored afterwards."""

    server: Any
    task: asyncio.Task[Any]


class Attempts:
    """Begins attempts, and keeps each one's task until it has ended.

    Args:
        deadline: for a server whose spec has none.
        at_once: how many work at the same time; the others wait for their turn, for as long as their deadline.
    """

    def __init__(
        self, kind: Kind, resources: Resources, *, deadline: timedelta = _record.DEADLINE, at_once: int = AT_ONCE
    ) -> None:
        self._kind = kind
        self._resources = resources
        self._deadline = deadline
        self._turns = asyncio.Semaphore(at_once)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def begin(self, server_id: str, given: Mapping[str, Any]) -> Attempt:
        """Store that an attempt has begun, and begin it.

        Raises:
            NotFoundError: there is no such server.
            ResourceExhaustedError: too many have begun and not ended.
        """
        if len(self._tasks) >= MOST_UNFINISHED:
            raise ResourceExhaustedError(f"{MOST_UNFINISHED} attempts to connect have not ended yet: try again later")

        def begun(tx: Transaction) -> Any:
            server = self._resources.get_in(tx, self._kind, server_id)
            _record.begin(server, tx.now)
            return self._resources.save_in(tx, self._kind, server)

        server = await self._resources.store.run(begun)
        task = asyncio.create_task(self._run(server, given), name=f"connect {server_id}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        await asyncio.sleep(0)  # a task that is cancelled before its first step cannot say that it was
        return Attempt(server, task)

    async def _run(self, server: Any, given: Mapping[str, Any]) -> Any:
        try:
            offer = await self._offer(server.spec, given)
            return await self._store(server, offer)
        except asyncio.CancelledError:
            with contextlib.suppress(StigmerError):  # at a stop the store is closed: the next start ends what is left
                await self._store_failure(server, ConnectFailure(Reason.CANCELLED, "the attempt was cancelled"))
            raise
        except ConnectFailure as failure:
            await self._store_failure(server, failure)
            raise failure.error(server.metadata.slug) from None
        except StigmerError:
            raise  # the store's: the server was deleted meanwhile, or nothing can be written any more
        except Exception as error:  # noqa: BLE001 - a bug, whose text may hold values: its type and place must do
            fault = ConnectFailure(Reason.INTERNAL, f"a fault of this server's: {_place(error)}")
            await self._store_failure(server, fault)
            raise fault.error(server.metadata.slug) from None

    async def _offer(self, spec: Any, given: Mapping[str, Any]) -> Offer:
        from stigmer_plugin_mcpserver._offer import offer_of  # noqa: PLC0415 - only who connects needs it

        variables = variables_of(spec, given)
        discover = await asyncio.to_thread(_discover)
        deadline = _record.deadline_of(spec, self._deadline)
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                await self._turns.acquire()
        except TimeoutError:
            text = f"others were being connected to for all of {deadline.total_seconds():g} s: try again"
            raise ConnectFailure(Reason.BUSY, text) from None
        try:
            listing = await discover(spec, variables, deadline=deadline)
            return await asyncio.to_thread(offer_of, listing, variables)
        finally:
            self._turns.release()

    async def _store(self, server: Any, offer: Offer) -> Any:
        def ended(tx: Transaction) -> Any:
            stored = self._resources.get_in(tx, self._kind, server.metadata.id)
            if _way(stored.spec) != _way(server.spec):
                return None
            _record.succeed(stored, offer, tx.now)
            return self._resources.save_in(tx, self._kind, stored)

        saved = await self._resources.store.run(ended)
        if saved is None:
            raise ConnectFailure(Reason.SPEC_CHANGED, "its spec changed while it was connected to: connect again")
        return saved

    async def _store_failure(self, server: Any, failure: ConnectFailure) -> None:
        def ended(tx: Transaction) -> None:
            stored = self._resources.get_in(tx, self._kind, server.metadata.id)
            _record.fail(stored, failure, tx.now)
            self._resources.save_in(tx, self._kind, stored)

        await self._resources.store.run(ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        code = "CANCELLED" if task.cancelled() else error.code.name if isinstance(error, StigmerError) else "OK"
        logger.info("mcp connect ended task=%s code=%s", task.get_name(), code)


def _way(spec: Any) -> tuple[bytes, ...]:
    """Return what an attempt depends on."""
    env = [f"{name} {one.optional} {one.is_secret}".encode() for name, one in sorted(spec.env.items())]
    parts = (getattr(spec, name).SerializeToString(deterministic=True) for name in ("stdio", "http", "auth"))
    return (*parts, *env)


def _discover() -> Callable[..., Awaitable[Listing]]:
    """Import the MCP SDK, which takes a second: on a thread, so that the server goes on answering."""
    from stigmer_plugin_mcpserver._discovery import discover  # noqa: PLC0415 - see above

    return discover


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"


async def end_lost(kind: Kind, resources: Resources, opened_at: datetime) -> None:
    """Make attempts failed ones that nobody works at any more.

    `opened_at` is when this process took the home over: what began before that stopped with the process before.
    """
    index = ("status.connect_status.phase", str(int(_record.CONNECTING)))
    rows = resources.store.read(lambda reader: reader.page(kind.name, index=index, limit=MOST_UNFINISHED))

    def ended(tx: Transaction) -> None:
        for row in rows:
            if tx.get(row.id) is not None:
                server = resources.get_in(tx, kind, row.id)
                if _record.end_if_lost(server, tx.now, opened_at):
                    resources.save_in(tx, kind, server)

    if rows:
        await resources.store.run(ended)
