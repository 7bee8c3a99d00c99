"""The HTTP host, for what gRPC cannot do: liveness, readiness, metrics, and routes that others add."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.server.listen import TcpAddress, bind_tcp, parse_address
from stigmer_core.server.metrics import metrics_text

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from stigmer_core.server.call_log import CallLog

_MISDIRECTED, _FORBIDDEN, _UNAVAILABLE = 421, 403, 503
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class HttpHost:
    """Serves `/healthz`, `/readyz`, `/metrics` and further routes on the running event loop.

    Args:
        call_log: the figures of every RPC.
        gauges: returns further figures by name, such as the store's.
        routes: what others add.
        health: returns what `/healthz` and `/readyz` say beside their own words.
    """

    def __init__(
        self,
        call_log: CallLog,
        gauges: Callable[[], Mapping[str, float]] = dict,
        *,
        routes: Sequence[BaseRoute] = (),
        health: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._call_log = call_log
        self._gauges = gauges
        self._routes = list(routes)
        self._health = health
        self._ready = False
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, address: str) -> str:
        """Listen on a loopback address and return it with the port that was taken.

        Raises:
            InvalidArgumentError: it is no loopback TCP address.
            UnavailableError: it is taken.
        """
        parsed = parse_address(address)
        if not isinstance(parsed, TcpAddress) or not parsed.is_loopback():
            raise InvalidArgumentError(f"the HTTP host listens on loopback only, {address} is not: use 127.0.0.1:PORT")
        listener = bind_tcp(parsed)
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app(port), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        await self._server.up.wait()
        self._ready = True
        return str(TcpAddress(parsed.host, port))

    async def stop(self) -> None:
        """Stop listening; requests in flight have a second."""
        self._ready = False
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving

    def _app(self, port: int) -> ASGIApp:
        routes = [
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/metrics", self._metrics),
            *self._routes,
        ]
        return _SameSite(Starlette(routes=routes), port)

    async def _healthz(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", **self._health()})

    async def _readyz(self, _request: Request) -> JSONResponse:
        if self._ready:
            return JSONResponse({"status": "ready", **self._health()})
        return JSONResponse({"status": "stopping"}, status_code=_UNAVAILABLE)

    async def _metrics(self, _request: Request) -> PlainTextResponse:
        return PlainTextResponse(
            metrics_text(self._call_log, self._gauges()), media_type="text/plain; version=0.0.4; charset=utf-8"
        )


class _Server(uvicorn.Server):
    """Leaves signals to the process it is part of, and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class _SameSite:
    """Refuses requests that a web page of somebody else's made a browser send: by Host (DNS rebinding) and Origin."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in _LOOPBACK_NAMES} | set(_LOOPBACK_NAMES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope.get("headers", ())) if scope["type"] == "http" else None
        if refusal is not None:
            await PlainTextResponse(refusal[1], status_code=refusal[0])(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[int, str] | None:
        values = {name.lower(): value.decode("latin-1") for name, value in headers}
        if values.get(b"host", "").lower() not in self._hosts:
            return _MISDIRECTED, "this server answers to loopback names only\n"
        origin = values.get(b"origin")
        if origin is not None and origin.removeprefix("http://").lower() not in self._hosts:
            return _FORBIDDEN, "requests from other sites are refused\n"
        return None
