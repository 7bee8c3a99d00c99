"""The in-process channel: a gRPC channel that calls the server's methods without a socket.

Requests and responses are copied; errors, deadlines and cancellation are those of a remote call. One difference: a
unary call begins when it is awaited, so that it needs no task of its own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import grpc
import grpc.aio

from stigmer_core.kind import Encoded
from stigmer_core.server.inprocess_calls import StreamCall, UnaryCall, with_deadline
from stigmer_core.server.interceptor import IN_PROCESS, Call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from stigmer_core.server.boundary import OpenStream
    from stigmer_core.server.dispatch import Dispatcher, Route


class InProcessChannel(grpc.aio.Channel):  # type: ignore[misc]
    """A `grpc.aio.Channel` over a dispatcher; generated stubs take it as any other."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self.closed = False

    def unary_unary(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = None,  # noqa: FBT001 - gRPC's signature
    ) -> _UnaryMultiCallable:
        """Return a callable for a unary method."""
        route = self._dispatcher.route(method)
        return _UnaryMultiCallable(self, route, request_serializer, response_deserializer)

    def unary_stream(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = None,  # noqa: FBT001 - gRPC's signature
    ) -> _StreamMultiCallable:
        """Return a callable for a method that answers with a stream."""
        route = self._dispatcher.route(method)
        return _StreamMultiCallable(self, route, request_serializer, response_deserializer)

    def stream_unary(self, method: str, *_arguments: Any, **_options: Any) -> Any:
        """Return a callable that refuses: no method of the API streams requests."""
        return refusal(method)

    def stream_stream(self, method: str, *_arguments: Any, **_options: Any) -> Any:
        """Return a callable that refuses: no method of the API streams requests."""
        return refusal(method)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:  # noqa: ARG002 - calls end by themselves
        """Refuse calls from now on."""
        self.closed = True

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: ARG002, FBT001, FBT002 - gRPC's
        """Return READY until the channel is closed."""
        return grpc.ChannelConnectivity.SHUTDOWN if self.closed else grpc.ChannelConnectivity.READY

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Return at once when the state is another one; else never."""
        if self.get_state() is last_observed_state:
            await asyncio.Event().wait()

    async def channel_ready(self) -> None:
        """Return: there is nothing to connect to."""


class _UnaryMultiCallable(grpc.aio.UnaryUnaryMultiCallable):  # type: ignore[misc]
    def __init__(self, channel: InProcessChannel, route: Route, serializer: Any, deserializer: Any) -> None:
        self._channel = channel
        self._run = route.unary
        self._encode = encoder(serializer)
        self._decode = decoder(deserializer, route.method.response_type)

    def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: Any = None,  # noqa: ARG002 - nothing to prove in process
        wait_for_ready: Any = None,  # noqa: ARG002 - always ready
        compression: Any = None,  # noqa: ARG002 - no wire
    ) -> UnaryCall:
        if self._channel.closed:
            raise grpc.aio.UsageError("Channel is closed.")
        if self._encode is not None:
            request = self._encode(request)
        coroutine = self._run(request, IN_PROCESS if metadata is None else call_with(metadata))
        if timeout is None:
            return UnaryCall(coroutine, self._decode)
        return UnaryCall(with_deadline(coroutine, timeout), self._decode, timeout)


class _StreamMultiCallable(grpc.aio.UnaryStreamMultiCallable):  # type: ignore[misc]
    def __init__(self, channel: InProcessChannel, route: Route, serializer: Any, deserializer: Any) -> None:
        self._channel = channel
        self._run = route.stream
        self._encode = encoder(serializer)
        self._decode = decoder(deserializer, route.method.response_type)

    def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: Any = None,  # noqa: ARG002 - nothing to prove in process
        wait_for_ready: Any = None,  # noqa: ARG002 - always ready
        compression: Any = None,  # noqa: ARG002 - no wire
    ) -> StreamCall:
        if self._channel.closed:
            raise grpc.aio.UsageError("Channel is closed.")
        if self._encode is not None:
            request = self._encode(request)
        call = IN_PROCESS if metadata is None else call_with(metadata)
        return StreamCall(_pulled(self._run, request, call), self._decode, timeout)


async def _pulled(run: Callable[[Any, Call], OpenStream], request: Any, call: Call) -> AsyncIterator[Any]:
    """Yield the responses; the stream opens at the first."""
    async with run(request, call) as stream:
        async for response in stream.responses:
            yield stream.checked(response)


def call_with(metadata: Any) -> Call:
    """Return a call that carries metadata."""
    return Call(local=True, metadata=tuple((key, value) for key, value in metadata))


def encoder(serializer: Any) -> Callable[[Any], bytes] | None:
    """Return what must be done to a request before it is handed over: nothing, for a message."""
    if serializer is None or getattr(serializer, "__name__", "") == "SerializeToString":
        return None
    own: Callable[[Any], bytes] = serializer
    return own


def decoder(deserializer: Any, response_type: Any) -> Callable[[Any], Any]:
    """Return what makes the caller's own object of a handler's response."""
    if deserializer is None:
        return to_bytes
    parse: Callable[[bytes], Any] = deserializer
    owner: Any = getattr(deserializer, "__self__", None)
    if owner is not response_type:
        return lambda response: parse(to_bytes(response))

    def copy(response: Any) -> Any:
        if type(response) is Encoded:
            return parse(response.body)
        own = response_type()
        own.CopyFrom(response)
        return own

    return copy


def to_bytes(response: Any) -> bytes:
    """Return a response as it would go over the wire."""
    return response.body if type(response) is Encoded else response.SerializeToString()


def refusal(method: str) -> Callable[..., Any]:
    """Return a callable that refuses a call which streams requests."""

    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise grpc.aio.UsageError(f"{method} streams requests, which the in-process channel does not carry")

    return refuse
