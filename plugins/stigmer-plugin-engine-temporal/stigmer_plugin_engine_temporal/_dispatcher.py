"""Telling Temporal what callers' transactions have recorded: at least once each, in order for each run."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from stigmer_core.errors import UnavailableError
from stigmer_plugin_engine_temporal import _schedules, _store
from stigmer_plugin_engine_temporal._keeper import Keeper
from stigmer_plugin_engine_temporal._lookup import described
from stigmer_plugin_engine_temporal._names import SEARCH_ATTRIBUTE, root_run, task_queue, workflow_id, workflow_type

if TYPE_CHECKING:
    from temporalio.client import Client

    from stigmer_core.program import Json
    from stigmer_core.store import Store
    from stigmer_plugin_engine_temporal._connection import Connection
    from stigmer_plugin_engine_temporal._store import Sending

logger = logging.getLogger(__name__)

AT_ONCE = 500  # read in one go
RUNS_AT_ONCE = 50
LOOK_AGAIN_SECONDS = 1.0  # for what was put off
LOOK_SECONDS = 60.0  # for what nobody gave notice of
ANSWER_WITHIN = timedelta(seconds=10)
TASK_WITHIN = timedelta(seconds=20)  # Temporal's own 10 are few for a slow machine to read and write large values
NOT_THERE_FOR = timedelta(minutes=1)  # a child is known before it runs; what is for it waits for so long
_START = "start"
_AWAY = {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.UNKNOWN}
_ATTRIBUTE = SearchAttributeKey.for_keyword(SEARCH_ATTRIBUTE)


class PutOffError(Exception):
    """It cannot be said to the run yet."""


class Dispatcher(Keeper):
    """Empties the outbox."""

    def __init__(self, store: Store, connection: Connection) -> None:
        super().__init__()
        self._store = store
        self._connection = connection
        self._news = asyncio.Event()
        self._slots = asyncio.Semaphore(RUNS_AT_ONCE)

    def notice(self) -> None:
        """Look into the outbox."""
        self._news.set()

    async def _run(self) -> None:
        while True:
            self._news.clear()
            client = await self._connection.connected()
            left, told = True, False
            try:
                left, told = await self._empty(client)
            except Exception:  # the last edge: what is recorded is still there
                logger.exception("outbox not emptied")
            if not told:
                with contextlib.suppress(TimeoutError):  # wait_for may lose a cancellation: bpo-37658
                    async with asyncio.timeout(LOOK_AGAIN_SECONDS if left else LOOK_SECONDS):
                        await self._news.wait()

    async def _empty(self, client: Client) -> tuple[bool, bool]:
        """Tell what there is; return whether there was anything, and whether any of it is told."""
        found = await self._store.read_slowly(lambda reader: _store.outbox(reader, AT_ONCE))
        done = await self._tell(client, found)
        if done:
            await self._store.run(lambda tx: _store.sent(tx, done))
        return bool(found), bool(done)

    async def _tell(self, client: Client, found: list[Sending]) -> list[int]:
        """Tell it, and return the numbers of what need not be told again."""
        runs: dict[str, list[Sending]] = {}
        for sending in found:
            runs.setdefault(sending.run_id, []).append(sending)
        told = await asyncio.gather(*(self._tell_run(client, sendings) for sendings in runs.values()))
        return [number for numbers in told for number in numbers]

    async def _tell_run(self, client: Client, sendings: list[Sending]) -> list[int]:
        done: list[int] = []
        async with self._slots:
            for sending in sendings:
                try:
                    await self._send(client, sending)
                except PutOffError:
                    break
                except UnavailableError as error:  # a large value cannot be kept now
                    logger.warning("not told yet run=%s action=%s reason=%s", sending.run_id, sending.action, error)
                    break
                except RPCError as error:
                    if error.status in _AWAY:
                        self._connection.lost(error)
                        break
                    logger.error("not told run=%s action=%s reason=%s", sending.run_id, sending.action, error)  # noqa: TRY400
                done.append(sending.number)
        return done

    async def _send(self, client: Client, sending: Sending) -> None:
        match sending.action:
            case "start":
                await self._start(client, sending, sending.body, again=False)
            case "recover":
                kept = await self._store.read_slowly(lambda reader: _store.kept_of(reader, sending.run_id))
                await self._start(client, sending, kept, again=True)
            case "sleep":
                await self._put_to_sleep(client, sending)
            case "forget":
                await _schedules.forget(client, sending.runner, sending.run_id)
            case action:
                await self._say(client, sending, action)

    async def _start(self, client: Client, sending: Sending, begun: Json, *, again: bool) -> None:
        reuse = WorkflowIDReusePolicy
        identity = workflow_id(sending.runner, sending.run_id)
        mark = f"{sending.number} {sending.asked_at.isoformat()}"
        if again and await _is_start(client, identity, mark):
            return
        try:
            await client.start_workflow(
                workflow_type(sending.runner),
                begun,
                id=identity,
                task_queue=task_queue(sending.runner),
                id_reuse_policy=reuse.ALLOW_DUPLICATE if again else reuse.REJECT_DUPLICATE,
                search_attributes=self._attributes(sending),
                memo={_START: mark},
                task_timeout=TASK_WITHIN,
                request_eager_start=True,  # a worker of this process may begin with the answer to this call
                rpc_timeout=ANSWER_WITHIN,
            )
        except WorkflowAlreadyStartedError:
            if again:
                raise PutOffError from None  # the execution before is about to end

    def _attributes(self, sending: Sending) -> TypedSearchAttributes:
        pair = SearchAttributePair(_ATTRIBUTE, root_run(sending.run_id))
        return TypedSearchAttributes([pair] if self._connection.knows_attribute else [])

    async def _put_to_sleep(self, client: Client, sending: Sending) -> None:
        """Let a schedule wake a run, unless it is awake again."""
        found = await self._store.read_slowly(lambda reader: _store.asleep(reader, sending.run_id))
        if found is None:
            return
        until, kept = found
        if _schedules.is_soon(until):
            await self._go_on(client, sending, kept)
        else:
            waking = {"run_id": sending.run_id, "runner": sending.runner, "sequence": kept["sequence"], "wake": True}
            await _schedules.put_to_sleep(client, waking, until, self._attributes(sending))

    async def _go_on(self, client: Client, sending: Sending, begun: Json) -> None:
        await self._start(client, sending, begun, again=True)
        await self._store.run(lambda tx: _store.note_awake(tx, sending.run_id))

    async def _wake(self, client: Client, sending: Sending, action: str) -> bool:
        """Wake a run that sleeps with what is to be said to it; return False when it does not sleep."""
        found = await self._store.read_slowly(lambda reader: _store.asleep(reader, sending.run_id))
        if found is None:
            return False
        event = (
            {"type": "Signal", **sending.body} if action == "signal" else {"type": "CancelRequested", **sending.body}
        )
        number = event.pop("number", found[1].get("number", 0))
        begun = {**found[1], "number": number, "queue": [{"id": "cancel", **event}]}
        await self._go_on(client, sending, begun)
        return True

    async def _say(self, client: Client, sending: Sending, action: str) -> None:
        if await self._wake(client, sending, action):
            return
        handle = client.get_workflow_handle(workflow_id(sending.runner, sending.run_id))
        try:
            if action == "cancel":
                await handle.signal("reason", sending.body, rpc_timeout=ANSWER_WITHIN)
                await handle.cancel(rpc_timeout=ANSWER_WITHIN)
            else:
                await handle.signal("signal", sending.body, rpc_timeout=ANSWER_WITHIN)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            if sending.outcome == "" and datetime.now(UTC) - sending.asked_at < NOT_THERE_FOR:
                raise PutOffError from None


async def _is_start(client: Client, identity: str, mark: str) -> bool:
    """Return whether the latest execution of a run is the one that this start made."""
    found = await described(client, identity, within=ANSWER_WITHIN)
    return found is not None and bool(await found.memo_value(_START, "") == mark)
