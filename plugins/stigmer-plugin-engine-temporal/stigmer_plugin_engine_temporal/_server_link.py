"""A worker's way to the server of its home: one channel, over which reports go in batches and values come."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeVar

import grpc.aio

from stigmer_core.errors import UnavailableError
from stigmer_core.program import ActivityError, Failure
from stigmer_plugin_engine_temporal._home_service import SERVICE, batch_of
from stigmer_plugin_engine_temporal.api.v1 import worker_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from stigmer_core.cli import Target
    from stigmer_core.program import Activity, ActivityContext, Json

    M = TypeVar("M", bound=Message)

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 20.0  # less than Temporal gives the local activity that waits for it
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0
BATCHES_AT_ONCE = 100
LINGER_SECONDS = 0.002  # for what other workflows report in the same moment; more comes while a call is under way
CALL_BYTES = 4 * 1024 * 1024  # of one call; a single report may be larger
LARGEST_BYTES = 9 * 1024 * 1024  # of a report: the server takes messages of 10 MB
AWAY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
UNKNOWN = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED}
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class ServerLink:
    """Calls the server; made and closed on the running event loop."""

    def __init__(self, target: Target) -> None:
        self.address = target.name
        self._metadata = grpc.aio.Metadata(*target.metadata)
        if target.credentials is None:
            self._channel = grpc.aio.insecure_channel(target.name, options=_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(target.name, target.credentials, options=_OPTIONS)

    async def configuration(self) -> pb.GetConfigurationResponse:
        """Return how this installation works.

        Raises:
            grpc.aio.AioRpcError: the server refuses, or is away.
        """
        request = pb.GetConfigurationRequest(version=metadata.version("stigmer-plugin-engine-temporal"))
        return await self._call("GetConfiguration", request, pb.GetConfigurationResponse)

    async def keys(self) -> str:
        """Return the keys that histories are encrypted with, as `Keys.parse` reads them.

        Raises:
            UnavailableError: the server does not say so now.
        """
        try:
            found = await self.configuration()
        except grpc.aio.AioRpcError as error:
            raise UnavailableError(f"{self.address} gives no keys: {_said(error)}") from error
        return found.payload_keys.decode()

    async def values(self, run_id: str) -> Mapping[str, str]:
        """Return the secrets and variables of a run, once the server answers."""
        response = await self._insist("GetValues", pb.GetValuesRequest(run_id=run_id), pb.GetValuesResponse)
        return dict(response.values)

    def short_at_home(self, runner: str, name: str) -> Activity:
        """Return an activity that the server does, once it answers."""

        async def call(arguments: Json, context: ActivityContext) -> Json:
            request = pb.CallShortRequest(
                runner=runner,
                activity=name,
                arguments=json.dumps(arguments),
                run_id=context.run_id,
                command_key=context.command_key,
                attempt=context.attempt,
            )
            response = await self._insist("CallShort", request, pb.CallShortResponse)
            if response.failure:
                raise ActivityError(Failure(**json.loads(response.failure)))
            return json.loads(response.result)

        return call

    async def record(self, batches: list[pb.Batch]) -> list[str]:
        """Have batches written down, and return what became of each.

        Raises:
            grpc.aio.AioRpcError: the server refuses, or is away; nothing or all of it may be written.
        """
        response = await self._call("Record", pb.RecordRequest(batches=batches), pb.RecordResponse)
        return list(response.refusals)

    async def close(self) -> None:
        """Give the channel up."""
        await self._channel.close()

    async def _insist(self, rpc: str, request: Message, response_type: type[M]) -> M:
        """Call until the server answers.

        Raises:
            grpc.aio.AioRpcError: it does not know such a call, as one of another version.
        """
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self._call(rpc, request, response_type)
            except grpc.aio.AioRpcError as error:
                if error.code() in UNKNOWN:
                    raise
                logger.warning("%s not answered reason=%s", rpc, _said(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _call(self, rpc: str, request: Message, response_type: type[M]) -> M:
        path = f"/{SERVICE}/{rpc}"
        method = self._channel.unary_unary(path, type(request).SerializeToString, response_type.FromString)
        response: M = await method(request, timeout=ANSWER_SECONDS, metadata=self._metadata)
        return response


class ServerSink:
    """Hands what workflows report to the server: one call at a time, with all that has come since the one before.

    A workflow reports anew only when its last report is written, so each run's reports keep their order. What cannot be
    delivered is raised, and the workflow's worker reports it again.
    """

    def __init__(self, link: ServerLink) -> None:
        self._link = link
        self._waiting: list[tuple[pb.Batch, asyncio.Future[str]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def record(self, batch: Json) -> str:
        """Write a batch down; return an empty text, `gone` when its run is shown nowhere, or why it cannot be.

        Raises:
            UnavailableError: the server does not take it now.
        """
        for part in _parts(batch):
            packed = batch_of(part)
            if len(packed.entries) > LARGEST_BYTES:
                return f"a step reports {len(packed.entries)} bytes at once, at most {LARGEST_BYTES} reach the server"
            refusal = await self._delivered(packed)
            if refusal:
                return refusal
        return ""

    async def close(self) -> None:
        """Stop; what is not delivered is reported again by another worker."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    def _delivered(self, batch: pb.Batch) -> asyncio.Future[str]:
        refusal: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append((batch, refusal))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        return refusal

    async def _send(self) -> None:
        await asyncio.sleep(LINGER_SECONDS)
        while self._waiting:
            await self._send_some(self._taken())

    def _taken(self) -> list[tuple[pb.Batch, asyncio.Future[str]]]:
        """Return what the next call carries: the oldest, as much as one may."""
        taken, size = 0, 0
        for batch, _ in self._waiting[:BATCHES_AT_ONCE]:
            size += len(batch.entries)
            if taken and size > CALL_BYTES:
                break
            taken += 1
        some, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return [(batch, refusal) for batch, refusal in some if not refusal.done()]  # nobody waits for the others

    async def _send_some(self, some: list[tuple[pb.Batch, asyncio.Future[str]]]) -> None:
        try:
            refusals = await self._link.record([batch for batch, _ in some])
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait have to know
            said = _said(error) if isinstance(error, grpc.aio.AioRpcError) else repr(error)
            logger.warning("not reported batches=%d reason=%s", len(some), said)
            for _, refusal in some:
                with contextlib.suppress(asyncio.InvalidStateError):
                    refusal.set_exception(UnavailableError(f"the server takes no report: {said}"))
            return
        for (_, refusal), answer in zip(some, refusals, strict=True):
            with contextlib.suppress(asyncio.InvalidStateError):
                refusal.set_result(answer)


def _parts(batch: Json) -> list[Json]:
    """Return a batch, or one batch per entry when it is large: they are numbered, so it makes no difference."""
    if len(str(batch["entries"])) < CALL_BYTES or len(batch["entries"]) == 1:
        return [batch]
    return [
        {"run_id": batch["run_id"], "first": first, "entries": [entry]}
        for first, entry in enumerate(batch["entries"], batch["first"])
    ]


def _said(error: Any) -> str:
    return f"{error.code().name}: {error.details()}"
