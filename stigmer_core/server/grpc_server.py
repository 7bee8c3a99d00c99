"""The gRPC server: puts the method table on sockets, and takes it off them again in good order."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from stigmer_core.errors import StigmerError, UnavailableError
from stigmer_core.kind import Encoded
from stigmer_core.server.boundary import status_of, visible
from stigmer_core.server.builtin_services import LOOPBACK_PEERS, health_handlers, reflection_handlers
from stigmer_core.server.decoding import MAX_MESSAGE_BYTES
from stigmer_core.server.interceptor import Call
from stigmer_core.server.listen import (
    TcpAddress,
    Tls,
    UnixAddress,
    check_exposure,
    parse_address,
    take_socket_path,
    why_not_bound,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from stigmer_core.server.caller import Authenticator
    from stigmer_core.server.dispatch import Dispatcher, Route

STATUS = {status.value[0]: status for status in grpc.StatusCode}
GRACE = timedelta(seconds=10)
SHUTTING_DOWN = "server is shutting down"

OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_concurrent_streams", 1_000),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 2),
    ("grpc.so_reuseport", 0),  # otherwise two servers share one port without a word
)


class GrpcServer:
    """Serves a dispatcher's methods, reflection and health on any number of addresses.

    Args:
        dispatcher: the methods.
        authenticator: the one in the dispatcher's chain; reflection and health ask it off loopback.
        tls: for every TCP address.
    """

    def __init__(self, dispatcher: Dispatcher, authenticator: Authenticator, *, tls: Tls | None = None) -> None:
        self._dispatcher = dispatcher
        self._authenticator = authenticator
        self._tls = tls
        self._server: grpc.aio.Server | None = None
        self._health: Any = None
        self._sockets: list[Path] = []
        self._calls: set[asyncio.Task[Any]] = set()
        self._streams: set[asyncio.Task[Any]] = set()
        self._stopping = False

    async def start(self, addresses: Sequence[str]) -> list[str]:
        """Listen, and return the addresses with the ports that were taken.

        Raises:
            InvalidArgumentError: an address is not one, or is exposed without protection.
            UnavailableError: one cannot be taken; nothing is listened on then.
        """
        parsed = [parse_address(address) for address in addresses]
        for address in parsed:
            check_exposure(address, authenticated=self._authenticator.required, tls=self._tls is not None)
        self._server = grpc.aio.server(options=OPTIONS)
        self._server.add_generic_rpc_handlers((_Table(await self._builtin(), self._handler, self._not_served),))
        try:
            taken = [self._bind(self._server, address) for address in parsed]
            await self._server.start()
        except BaseException:
            await self._server.stop(None)
            self._remove_sockets()
            raise
        return taken

    async def set_serving(self, service: str, *, serving: bool) -> None:
        """Set the health of one service; that of the whole server is the service ""."""
        from grpc_health.v1 import health_pb2  # noqa: PLC0415 - only a server needs it

        status = health_pb2.HealthCheckResponse
        await self._health.set(service, status.SERVING if serving else status.NOT_SERVING)

    async def stop(self, grace: timedelta = GRACE) -> None:
        """Stop: health says so, open streams end, calls in flight have `grace` to finish."""
        if self._server is None:
            return
        self._stopping = True
        await self._health.enter_graceful_shutdown()
        self._end(self._streams)
        timer = asyncio.get_running_loop().call_later(grace.total_seconds(), self._end, self._calls, self._streams)
        await self._server.stop(grace.total_seconds() + 1)
        timer.cancel()
        self._remove_sockets()

    async def stop_now(self) -> None:
        """Stop at once: every call ends with UNAVAILABLE; also while `stop` waits."""
        await self.stop(timedelta())

    def _bind(self, server: grpc.aio.Server, address: UnixAddress | TcpAddress) -> str:
        if isinstance(address, UnixAddress):
            take_socket_path(address)
            with _private_umask(), _bind_errors(address):
                server.add_insecure_port(str(address))
            address.path.chmod(0o600)
            self._sockets.append(address.path)
            return str(address)
        with _bind_errors(address):
            port = server.add_secure_port(str(address), _credentials(self._tls)) if self._tls else None
            port = port or server.add_insecure_port(str(address))
        return str(TcpAddress(address.host, port))

    async def _builtin(self) -> dict[str, grpc.RpcMethodHandler]:
        from grpc_health.v1 import health  # noqa: PLC0415 - only a server needs it

        services = self._dispatcher.services()
        self._health = health.aio.HealthServicer()
        for service in services:
            await self.set_serving(service, serving=True)
        return health_handlers(self._health, self._guarded) | reflection_handlers(services, self._guarded)

    def _handler(self, path: str) -> grpc.RpcMethodHandler | None:
        if not self._dispatcher.serves(path):
            return None
        route = self._dispatcher.route(path)
        if route.method.streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(route))
        return grpc.unary_unary_rpc_method_handler(self._unary(route))

    def _unary(self, route: Route) -> Callable[[bytes, Any], Any]:
        run, path = route.unary, route.method.path

        async def serve(body: bytes, context: Any) -> bytes:
            task = _listed(self._calls)
            try:
                return _encoded(await run(body, _call(context)))
            except BaseException as error:
                await self._abort(context, error, path)
                raise
            finally:
                self._calls.discard(task)

        return serve

    def _stream(self, route: Route) -> Callable[[bytes, Any], Any]:
        run, path = route.stream, route.method.path

        async def serve(body: bytes, context: Any) -> None:
            task = _listed(self._streams)
            try:
                async with run(body, _call(context)) as stream:
                    async for response in stream.responses:
                        await context.write(_encoded(stream.checked(response)))
                        del response  # may be large, and the next one far away
            except BaseException as error:
                await self._abort(context, error, path)
                raise
            finally:
                self._streams.discard(task)

        return serve

    def _not_served(self, path: str) -> grpc.RpcMethodHandler:
        route = self._dispatcher.route(path)

        async def serve(_requests: Any, context: Any) -> None:
            try:
                await route.unary(b"", _call(context))
            except StigmerError as error:
                await self._abort(context, error, path)

        return grpc.stream_stream_rpc_method_handler(serve)

    def _guarded(self, behaviour: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """Return a built-in service's behaviour that asks for the token off loopback, and ends with the server."""

        @functools.wraps(behaviour)
        async def serve(request: Any, context: Any) -> Any:
            task = _listed(self._streams)
            try:
                if not context.peer().startswith(LOOPBACK_PEERS):
                    self._authenticator.authenticate(_call(context))
                return await behaviour(request, context)
            except (StigmerError, asyncio.CancelledError) as error:
                await self._abort(context, error, behaviour.__name__)
                raise
            finally:
                self._streams.discard(task)

        return serve

    async def _abort(self, context: Any, error: BaseException, path: str) -> None:
        """End a call with what may be seen of `error`; return when the call has nobody to end it for."""
        if isinstance(error, asyncio.CancelledError) and self._stopping:
            error = UnavailableError(SHUTTING_DOWN)
        error = error if isinstance(error, StigmerError) else visible(error, path)
        if isinstance(error, StigmerError):
            code, text = status_of(error)
            await context.abort(STATUS[code], text)

    @staticmethod
    def _end(*sets: set[asyncio.Task[Any]]) -> None:
        for tasks in sets:
            for task in tuple(tasks):
                task.cancel()

    def _remove_sockets(self) -> None:
        for path in self._sockets:
            path.unlink(missing_ok=True)
        self._sockets.clear()


class _Table(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Finds the handler of a path; made at a method's first call, then kept."""

    def __init__(
        self,
        handlers: dict[str, grpc.RpcMethodHandler],
        make: Callable[[str], grpc.RpcMethodHandler | None],
        not_served: Callable[[str], grpc.RpcMethodHandler],
    ) -> None:
        self._handlers = handlers
        self._make = make
        self._not_served = not_served

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        path = handler_call_details.method
        if handler := self._handlers.get(path):
            return handler
        if handler := self._make(path):
            return self._handlers.setdefault(path, handler)
        return self._not_served(path)


def _listed(tasks: set[asyncio.Task[Any]]) -> asyncio.Task[Any]:
    """Add the running task to a set, and return it."""
    task = asyncio.current_task()
    assert task is not None
    tasks.add(task)
    return task


def _call(context: Any) -> Call:
    peer = context.peer()
    if peer.startswith("unix:"):
        return Call(local=True, peer=peer)
    return Call(local=False, peer=peer, metadata=context.invocation_metadata() or ())


def _encoded(response: Any) -> bytes:
    return response.body if type(response) is Encoded else response.SerializeToString()


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    try:
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
    except OSError as error:
        raise UnavailableError(f"cannot read the TLS file {error.filename}: {error.strerror}") from error
    return grpc.ssl_server_credentials([pair])


@contextlib.contextmanager
def _private_umask() -> Iterator[None]:
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def _bind_errors(address: UnixAddress | TcpAddress) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # what grpc raises, with a text for its developers
        if isinstance(address, TcpAddress):
            raise why_not_bound(address) from error
        raise UnavailableError(f"cannot listen on {address}: the socket cannot be made") from error
