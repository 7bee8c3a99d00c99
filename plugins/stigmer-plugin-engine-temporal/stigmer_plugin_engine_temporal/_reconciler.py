"""Runs that cannot record how they end: Temporal has closed them, by somebody's hand, or they need a lost value."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from stigmer_core.errors import StigmerError
from stigmer_plugin_engine_temporal import _store
from stigmer_plugin_engine_temporal._failures import failure_of
from stigmer_plugin_engine_temporal._keeper import Keeper
from stigmer_plugin_engine_temporal._lookup import described
from stigmer_plugin_engine_temporal._lost import what_is_lost
from stigmer_plugin_engine_temporal._names import workflow_id

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle

    from stigmer_core.store import Store
    from stigmer_plugin_engine_temporal._connection import Connection
    from stigmer_plugin_engine_temporal._recording import Sink

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 5.0
AT_ONCE = 100  # runs per look; the next look goes on with the next ones
ANSWER_WITHIN = timedelta(seconds=5)
_BEYOND = 2**30  # a position of entries that no execution reaches
_FAILING = 2  # tries of a workflow task, with which one looks why
_OPEN = (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW)


class Reconciler(Keeper):
    """Looks at the runs that go on, in turn. What is found closed twice, as the same execution, is recorded as such."""

    def __init__(self, store: Store, connection: Connection, sink: Sink) -> None:
        super().__init__()
        self._store = store
        self._connection = connection
        self._sink = sink
        self._after = ""
        self._closed: dict[str, str] = {}  # executions that were found closed once, by run

    async def look(self) -> None:
        """Look at some runs, and again at those that were found closed."""
        client = await self._connection.connected()
        found = await self._store.read_slowly(
            lambda reader: _store.running(reader, after=self._after, limit=AT_ONCE),
        )
        self._after = found[-1][0] if len(found) == AT_ONCE else ""
        for run_id, runner in found:
            await self._look(client, run_id, workflow_id(runner, run_id))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            try:
                await self.look()
            except (StigmerError, RPCError, OSError) as error:
                logger.warning("runs not looked at reason=%s", error)
            except Exception:  # the last edge: the next look may do better
                logger.exception("runs not looked at")

    async def _look(self, client: Client, run_id: str, identity: str) -> None:
        found = await described(client, identity, within=ANSWER_WITHIN)
        if found is None:  # another namespace, perhaps: nothing is concluded from it
            logger.debug("temporal does not know the run run=%s", run_id)
            return
        before = self._closed.pop(run_id, None)
        if found.status in _OPEN:
            if found.raw_description.pending_workflow_task.attempt >= _FAILING:
                await self._end_if_lost(client, run_id, identity)
            return
        if "/" in run_id:  # its parent records it
            return
        if before != found.run_id:
            self._closed[run_id] = found.run_id
            return
        await self._record(run_id, found.status, await _reason(client.get_workflow_handle(identity)))

    async def _end_if_lost(self, client: Client, run_id: str, identity: str) -> None:
        execution = WorkflowExecution(workflow_id=identity)
        request = GetWorkflowExecutionHistoryReverseRequest(namespace=client.namespace, execution=execution)
        lost = await what_is_lost(client, request)
        if not lost:
            return
        await client.get_workflow_handle(identity).terminate(reason=lost, rpc_timeout=ANSWER_WITHIN)
        if "/" not in run_id:
            await self._record(run_id, None, lost)

    async def _record(self, run_id: str, status: WorkflowExecutionStatus | None, reason: str) -> None:
        cancelled = status is WorkflowExecutionStatus.CANCELED
        phase, outcome = ("EXECUTION_CANCELLED", "cancelled") if cancelled else ("EXECUTION_FAILED", "failed")
        logger.error("run closed in temporal run=%s reason=%s", run_id, reason)
        shown = {"phase": phase, "error": reason, "completedAt": datetime.now(UTC).isoformat()}
        entries = [["publish", {"status": shown, "events": []}], ["ended", run_id, outcome, reason, None]]
        if await self._sink.record({"run_id": run_id, "first": _BEYOND, "entries": entries}):
            await self._sink.record({"run_id": run_id, "first": _BEYOND, "entries": entries[1:]})


async def _reason(handle: WorkflowHandle[object, object]) -> str:
    try:
        await handle.result(rpc_timeout=ANSWER_WITHIN)
    except WorkflowFailureError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.details:
            return failure_of(cause).detail
        return f"it was closed in Temporal: {cause}"
    except (StigmerError, RuntimeError) as error:
        return f"it was closed in Temporal: {error}"
    return "it was closed in Temporal"
