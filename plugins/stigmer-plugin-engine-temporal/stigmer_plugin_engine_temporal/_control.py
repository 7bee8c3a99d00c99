"""`stigmer.runner.v1.WorkflowRunnerService`: runs of workflows directly on Temporal, without a store."""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from stigmer_core.cli.yaml_nodes import YamlError, yaml_documents
from stigmer_core.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)
from stigmer_core.program_json import bounded
from stigmer_core.resources.json_text import read_json
from stigmer_plugin_engine_temporal._dispatcher import TASK_WITHIN
from stigmer_plugin_engine_temporal._inspection import inspect
from stigmer_plugin_engine_temporal._names import SEARCH_ATTRIBUTE, task_queue, workflow_id, workflow_type
from stigmer_plugin_engine_temporal.api.v1 import runner_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from temporalio.client import Client, WorkflowHandle

    from stigmer_core.program import Json, Runner
    from stigmer_plugin_engine_temporal._connection import Connection

SERVICE = "stigmer.runner.v1.WorkflowRunnerService"
ANSWER_WITHIN = timedelta(seconds=20)
WAIT_SECONDS, LONGEST_WAIT_SECONDS = 20, 60
_RUN_ID = re.compile(r"[a-z0-9A-Z](?:[a-z0-9A-Z-]{0,61}[a-z0-9A-Z])?")  # no id of a resource is like it
_ATTRIBUTE = SearchAttributeKey.for_keyword(SEARCH_ATTRIBUTE)
_AWAY = {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}


class WorkflowRunnerController:
    """Serves WorkflowRunnerService over the connection of a worker that has the runner of workflows."""

    def __init__(self, connection: Connection, runner: Runner) -> None:
        self._connection = connection
        self._runner = runner

    async def execute_async(self, request: pb.ExecuteAsyncRequest) -> pb.ExecuteAsyncResponse:
        """Start a document.

        Raises:
            InvalidArgumentError: the document, the input or the id is no good.
            AlreadyExistsError: there is a run of this id.
        """
        run_id = request.run_id or f"direct-{uuid.uuid4().hex}"
        if not _RUN_ID.fullmatch(run_id):
            raise InvalidArgumentError(f"the run id {run_id!r} is not 1 to 63 letters, digits and inner hyphens")
        value = read_json(request.input or "{}", "input")
        given = {"id": run_id, "document": self._checked(request.document), "input": value}
        bounded(given, "the run's input")
        await self._start(run_id, given)
        return pb.ExecuteAsyncResponse(run_id=run_id)

    async def cancel(self, request: pb.CancelRequest) -> pb.CancelResponse:
        """Ask a run to stop; one that has ended is left as it is."""
        with contextlib.suppress(FailedPreconditionError):
            async with self._run(request.run_id) as handle:
                if request.reason:  # apart, for what comes with a cancellation is not encrypted
                    await handle.signal("reason", {"reason": request.reason}, rpc_timeout=ANSWER_WITHIN)
                await handle.cancel(rpc_timeout=ANSWER_WITHIN)
        return pb.CancelResponse()

    async def pause(self, request: pb.PauseRequest) -> pb.PauseResponse:
        """Hold a run."""
        await self._deliver(request.run_id, "pause")
        return pb.PauseResponse()

    async def resume(self, request: pb.ResumeRequest) -> pb.ResumeResponse:
        """Let a run go on."""
        await self._deliver(request.run_id, "resume")
        return pb.ResumeResponse()

    async def signal(self, request: pb.SignalRequest) -> pb.SignalResponse:
        """Send a run a signal."""
        if not request.name:
            raise InvalidArgumentError("a signal needs a name")
        payload = read_json(request.payload or "null", "payload")
        await self._deliver(request.run_id, request.name, payload, request.signal_id)
        return pb.SignalResponse()

    async def inspect(self, request: pb.InspectRequest) -> pb.Inspection:
        """Return how a run is doing."""
        async with self._run(request.run_id) as handle:
            return await inspect(handle, request.run_id, ANSWER_WITHIN)

    async def wait(self, request: pb.WaitRequest) -> pb.Inspection:
        """Return how a run is doing, once it has ended or the time is over."""
        seconds = min(request.seconds, LONGEST_WAIT_SECONDS) if request.seconds > 0 else WAIT_SECONDS
        async with self._run(request.run_id) as handle:
            ended = asyncio.create_task(_ended(handle))
            await asyncio.wait([ended], timeout=seconds)
            ended.cancel()
            return await inspect(handle, request.run_id, ANSWER_WITHIN)

    def _client(self) -> Client:
        client = self._connection.client
        if client is None:
            raise UnavailableError(f"Temporal is away: {self._connection.problem}")
        return client

    def _checked(self, text: str) -> Json:
        """Return a document that can run."""
        try:
            documents = list(yaml_documents(text))
        except YamlError as error:
            raise InvalidArgumentError(f"the document, line {error.line}: {error.message}") from error
        if len(documents) != 1 or not isinstance(documents[0].value, dict):
            raise InvalidArgumentError("the document is not one YAML or JSON object")
        document = documents[0].value
        problems = self._runner.check(document) if self._runner.check is not None else []
        if problems:
            listed = "; ".join(map(str, problems))
            raise InvalidArgumentError(f"the document cannot run: {listed}", problems=problems)
        return document

    async def _start(self, run_id: str, given: Json) -> None:
        name, known = self._runner.name, self._connection.knows_attribute
        begun = {"run_id": run_id, "runner": name, "silent": True, "short": sorted(self._runner.short), "input": given}
        try:
            await self._client().start_workflow(
                workflow_type(name),
                begun,
                id=workflow_id(name, run_id),
                task_queue=task_queue(name),
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=TypedSearchAttributes([SearchAttributePair(_ATTRIBUTE, run_id)] if known else []),
                task_timeout=TASK_WITHIN,
                rpc_timeout=ANSWER_WITHIN,
            )
        except WorkflowAlreadyStartedError as error:
            raise AlreadyExistsError(f"there is a run {run_id}", resource_id=run_id) from error
        except RPCError as error:
            raise _unavailable(error) from error

    async def _deliver(self, run_id: str, name: str, payload: Json = None, signal_id: str = "") -> None:
        content = {"id": signal_id or uuid.uuid4().hex, "name": name, "payload": payload}
        async with self._run(run_id) as handle:
            await handle.execute_update("deliver", content, rpc_timeout=ANSWER_WITHIN)

    @contextlib.asynccontextmanager
    async def _run(self, run_id: str) -> AsyncIterator[WorkflowHandle[Any, Any]]:
        """Yield the workflow of a run.

        Raises:
            NotFoundError: there is no such run.
            FailedPreconditionError: it has ended, and what was asked for cannot be done any more.
            UnavailableError: Temporal, or the run's worker, does not answer.
        """
        handle = self._client().get_workflow_handle(workflow_id(self._runner.name, run_id))
        try:
            yield handle
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise UnavailableError(f"no worker has told run {run_id} in time") from error
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise _unavailable(error) from error
            if await _is_there(handle):
                raise FailedPreconditionError(f"run {run_id} has ended") from error
            raise NotFoundError("run", run_id) from error


async def _ended(handle: WorkflowHandle[Any, Any]) -> None:
    with contextlib.suppress(Exception):  # how it ended is looked at by whoever waits
        await handle.result()


async def _is_there(handle: WorkflowHandle[Any, Any]) -> bool:
    try:
        await handle.describe(rpc_timeout=ANSWER_WITHIN)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise _unavailable(error) from error
    return True


def _unavailable(error: RPCError) -> Exception:
    """Return what Temporal's refusal is to a caller: something for later, or the fault that it is."""
    return UnavailableError(f"Temporal does not answer: {error.message}") if error.status in _AWAY else error
