"""Running an installation: on sockets until a signal comes, or in the background of one command."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import stigmer_core
from stigmer_core.app import App
from stigmer_core.kind import Job
from stigmer_core.private_file import write_private
from stigmer_core.process import loop_factory, spare_collector, stop_signals
from stigmer_core.server import GrpcServer, HttpHost, SyncInProcessChannel, Tls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import grpc

    from stigmer_core.program import Json
    from stigmer_core.settings import Settings

logger = logging.getLogger(__name__)

ENGINE_SERVICE = "engine"  # what its health is asked for by; it is no service of gRPC
ENGINE_LOOKED_AT_EVERY = timedelta(seconds=1)


def serve(settings: Settings, ready: Callable[[App, Json], None] = lambda _app, _description: None) -> int:
    """Serve until SIGINT or SIGTERM and return the exit code.

    Args:
        settings: where and how.
        ready: called with the description of `server.json` when everything answers.
    """
    begun = time.monotonic()
    app = App.compose(settings)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_Serving(app, ready, begun).run())


@contextlib.contextmanager
def embedded(settings: Settings) -> Iterator[grpc.Channel]:
    """Run an installation in the background of this process and yield a channel to it."""
    app = App.compose(settings)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="stigmer-embedded", daemon=True)
    thread.start()

    def call(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    try:
        call(app.open())
        try:
            yield SyncInProcessChannel(app.dispatcher, loop=loop)
        finally:
            call(_settled())
            call(app.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Serving:
    def __init__(self, app: App, ready: Callable[[App, Json], None], begun: float) -> None:
        self._app = app
        self._ready = ready
        self._begun = begun
        settings = app.settings
        tls = Tls(Path(settings.tls_cert), Path(settings.tls_key)) if settings.tls_cert else None
        self._grpc = GrpcServer(app.dispatcher, app.authenticator, tls=tls)
        self._http: HttpHost | None = None
        if settings.http:
            self._http = HttpHost(app.call_log, app.figures, routes=app.routes(), health=app.health)

    async def run(self) -> int:
        app = self._app
        stop = stop_signals()
        try:
            await app.open()
            spare_collector()
            addresses = await self._grpc.start(app.settings.addresses)
            http = await self._http.start(app.settings.http) if self._http is not None else ""
            app.links.serve_at(http)
            app.jobs.add([Job("engine-health", ENGINE_LOOKED_AT_EVERY, self._show_engine)])
            app.jobs.start()
            self._announce(addresses, http)
            await stop.wait()
            logger.info("server stops addresses=%s", addresses)
        finally:
            await self._close()
        return 0

    async def _show_engine(self) -> None:
        """Say by gRPC's own health service whether runs can be started."""
        await self._grpc.set_serving(ENGINE_SERVICE, serving=self._app.engine_is_ready())

    def _announce(self, addresses: list[str], http: str) -> None:
        app = self._app
        description = {
            "grpc": addresses,
            "http": http,
            "pid": os.getpid(),
            "version": stigmer_core.__version__,
            "engine": app.engine.name if app.engine is not None else "",
            "started_in_seconds": round(time.monotonic() - self._begun, 3),
        }
        app.home.announce(addresses)
        app.home.publish_server(description)
        if app.settings.ready_file:
            write_private(Path(app.settings.ready_file), json.dumps(description) + "\n")
        self._ready(app, description)

    async def _close(self) -> None:
        try:
            if self._http is not None:
                await self._http.stop()
            await self._grpc.stop()
        finally:
            await self._app.close()


async def _settled() -> None:
    """Let what a call has started in this loop finish its last step before the loop goes."""
    await asyncio.sleep(0)
