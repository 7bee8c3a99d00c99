"""A worker process: the runners of this machine, Temporal on one side and the server of the home on the other."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc.aio

import stigmer_core
from stigmer_core.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    PermissionDeniedError,
    StigmerError,
    UnauthenticatedError,
)
from stigmer_core.kind import Service
from stigmer_core.private_file import write_private
from stigmer_core.process import end_at_once, stop_signals
from stigmer_core.server import Authenticator, CallLog, Dispatcher, GrpcServer, Tls, methods_of, standard_interceptors
from stigmer_plugin_engine_temporal._connection import Connection
from stigmer_plugin_engine_temporal._control import SERVICE, WorkflowRunnerController
from stigmer_plugin_engine_temporal._options import Options
from stigmer_plugin_engine_temporal._payloads import data_converter
from stigmer_plugin_engine_temporal._server_link import AWAY, LONGEST_PAUSE_SECONDS, ServerLink, ServerSink
from stigmer_plugin_engine_temporal._values import open_claims, worker_keys
from stigmer_plugin_engine_temporal._worker import Share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stigmer_core.cli import Target
    from stigmer_core.plugins import PluginHost
    from stigmer_core.program import Json, Runner
    from stigmer_core.settings import Settings
    from stigmer_plugin_engine_temporal.api.v1 import worker_pb2 as pb

logger = logging.getLogger(__name__)

DRAIN = timedelta(seconds=30)  # what activities under way are given when the worker stops
STUCK = timedelta(seconds=30)  # after that, when it still has not ended, it ends all the same
SAY_AFTER_SECONDS = 3.0  # that it waits for somebody
WORKFLOW = "workflow"  # the runner whose runs the command controller knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What a worker is told. `token` is what callers of the controller bring; None lets everybody in."""

    settings: Settings
    host: PluginHost
    runners: Mapping[str, Runner]
    target: Target
    token: str | None
    listen: tuple[str, ...]
    concurrency: int
    cached: int
    tell: Callable[[str], None]
    ready: Callable[[Json], None]


async def work(worker: Worker) -> None:
    """Work until SIGINT or SIGTERM, and finish what is under way.

    Raises:
        StigmerError: the server does not let this worker in, or something is set that cannot be right.
    """
    stop = stop_signals()
    working = asyncio.create_task(_Working(worker).run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        worker.tell(f"stopping: what is under way has {DRAIN.total_seconds():.0f} s; the signal again ends it at once")
        working.cancel()
        asyncio.get_running_loop().call_later((DRAIN + STUCK).total_seconds(), end_at_once, 1)
    stopping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working


class _Working:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._begun = time.monotonic()
        self._server_said = ""  # why it does not answer, as far as that is known

    async def run(self) -> None:
        """Work until this is cancelled."""
        worker = self._worker
        link = ServerLink(worker.target)
        sink = ServerSink(link)
        try:
            configuration = await self._configured(link)
            options = self._options(configuration)
            options.tls()  # what cannot be right is no reason to wait for Temporal
            worker.host.worker(values=link.values, configuration=worker.settings.configuration)
            keys = await worker_keys(configuration.payload_keys.decode(), link.keys)
            converter = data_converter(keys, await open_claims(options, home=None, make=False))
            share = Share(home=False, concurrency=worker.concurrency, cached=worker.cached, grace=DRAIN)
            runners = {name: _with_server(runner, link) for name, runner in worker.runners.items()}
            connection = Connection(options, runners, sink, converter, None, share=share)
            connection.start()
            try:
                await self._serve(connection, options)
            finally:
                await connection.stop()
        finally:
            await sink.close()
            await link.close()

    async def _serve(self, connection: Connection, options: Options) -> None:
        """Host the command controller, say what there is once Temporal is there, and go on for ever."""
        await self._connected(connection, options)
        server = self._server(connection)
        addresses = await server.start(self._worker.listen) if server is not None else []
        try:
            self._announce(options, addresses)
            while True:
                if server is not None:
                    await server.set_serving(SERVICE, serving=connection.client is not None)
                await asyncio.sleep(1)
        finally:
            if server is not None:
                await server.stop(timedelta(seconds=2))

    async def _configured(self, link: ServerLink) -> pb.GetConfigurationResponse:
        """Return what the server says, once it answers."""
        pause, told = 0.2, asyncio.get_running_loop().call_later(SAY_AFTER_SECONDS, self._waits_for_server, link)
        try:
            while True:
                try:
                    return await link.configuration()
                except grpc.aio.AioRpcError as error:
                    if error.code() not in AWAY:
                        raise _refused(error, link.address) from error
                    self._server_said = f": {error.details()}"
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        finally:
            told.cancel()

    def _waits_for_server(self, link: ServerLink) -> None:
        self._worker.tell(f"waiting for the server at {link.address}{self._server_said}")

    async def _connected(self, connection: Connection, options: Options) -> None:
        waiting = asyncio.ensure_future(connection.connected())
        await asyncio.wait([waiting], timeout=SAY_AFTER_SECONDS)
        if not waiting.done():
            self._worker.tell(f"waiting for Temporal at {options.address}: {connection.problem}")
        await waiting

    def _options(self, configuration: pb.GetConfigurationResponse) -> Options:
        """Return where Temporal is, by the worker's own settings, or else as the server goes there."""
        given = self._worker.settings.configuration.get("temporal", {})
        options = Options.of(self._worker.settings.configuration)
        if given.get("namespace", configuration.namespace) not in ("", configuration.namespace):
            raise InvalidArgumentError(
                f"the server works in the namespace {configuration.namespace!r}, not in {given['namespace']!r}"
            )
        if not (options.address or configuration.address):
            raise InvalidArgumentError("where is Temporal? --temporal-address HOST:PORT")
        return replace(
            options,
            address=options.address or configuration.address,
            namespace=configuration.namespace,
            claims=options.claims or configuration.claims,
            claims_endpoint=options.claims_endpoint or configuration.claims_endpoint,
        )

    def _server(self, connection: Connection) -> GrpcServer | None:
        worker, settings = self._worker, self._worker.settings
        if not worker.listen:
            return None
        controller = WorkflowRunnerController(connection, worker.runners[WORKFLOW])
        authenticator = Authenticator(worker.token)
        interceptors = standard_interceptors(authenticator=authenticator, log=CallLog())
        dispatcher = Dispatcher(methods_of(Service(SERVICE, controller)), interceptors)
        tls = Tls(Path(settings.tls_cert), Path(settings.tls_key)) if settings.tls_cert else None
        return GrpcServer(dispatcher, authenticator, tls=tls)

    def _announce(self, options: Options, addresses: list[str]) -> None:
        description: dict[str, Any] = {
            "pid": os.getpid(),
            "version": stigmer_core.__version__,
            "server": self._worker.target.name,
            "temporal": options.address,
            "namespace": options.namespace,
            "runners": list(self._worker.runners),
            "grpc": addresses,
            "started_in_seconds": round(time.monotonic() - self._begun, 3),
        }
        if self._worker.settings.ready_file:
            write_private(Path(self._worker.settings.ready_file), json.dumps(description) + "\n")
        self._worker.ready(description)


def _with_server(runner: Runner, link: ServerLink) -> Runner:
    """Return a runner whose short activities that only the server can do are done there."""
    afar = {name: link.short_at_home(runner.name, name) for name in runner.home & runner.short}
    return replace(runner, activities={**runner.activities, **afar})


def _refused(error: grpc.aio.AioRpcError, address: str) -> StigmerError:
    code, said = error.code(), error.details()
    if code == grpc.StatusCode.UNIMPLEMENTED:
        return FailedPreconditionError(f"the server at {address} does not run with --engine temporal")
    if code == grpc.StatusCode.UNAUTHENTICATED:
        return UnauthenticatedError(
            f"the server at {address} does not let this worker in: {said};"
            " --token-file or STIGMER_TOKEN has what `stigmer token` prints where the server runs"
        )
    if code == grpc.StatusCode.PERMISSION_DENIED:
        return PermissionDeniedError(f"the server at {address} does not let this worker in: {said}")
    return StigmerError(f"the server at {address} does not answer rightly: {code.name}: {said}")
