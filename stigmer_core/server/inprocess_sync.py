"""The in-process channel for code without an event loop: a `grpc.Channel` whose calls run on a loop elsewhere."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import grpc

from stigmer_core.server.inprocess import InProcessChannel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stigmer_core.server.dispatch import Dispatcher


class SyncInProcessChannel(grpc.Channel):  # type: ignore[misc]
    """A `grpc.Channel` over a dispatcher that runs on another thread's event loop.

    Args:
        dispatcher: the methods.
        loop: a running loop of another thread; calling from that thread itself would wait for ever.
    """

    def __init__(self, dispatcher: Dispatcher, loop: asyncio.AbstractEventLoop) -> None:
        self._channel = InProcessChannel(dispatcher)
        self._loop = loop

    def unary_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, **_: Any
    ) -> Any:
        """Return a callable for a unary method."""
        return _Unary(self._channel.unary_unary(method, request_serializer, response_deserializer), self._loop)

    def unary_stream(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, **_: Any
    ) -> Any:
        """Return a callable for a method that answers with a stream."""
        return _Stream(self._channel.unary_stream(method, request_serializer, response_deserializer), self._loop)

    def stream_unary(self, method: str, *_arguments: Any, **_options: Any) -> Any:
        """Return a callable that refuses: no method of the API streams requests."""
        return self._channel.stream_unary(method)

    def stream_stream(self, method: str, *_arguments: Any, **_options: Any) -> Any:
        """Return a callable that refuses: no method of the API streams requests."""
        return self._channel.stream_stream(method)

    def subscribe(self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - gRPC's signature
        """Say at once that the channel is ready: it stays so."""
        callback(grpc.ChannelConnectivity.READY)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """Do nothing: no change will be told."""

    def close(self) -> None:
        """Refuse calls from now on."""
        self._channel.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class _Unary:
    def __init__(self, call: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._call = call
        self._loop = loop

    def __call__(self, request: Any, **options: Any) -> Any:
        async def run() -> Any:
            return await self._call(request, **options)

        return _result(run(), self._loop)


class _Stream:
    def __init__(self, call: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._call = call
        self._loop = loop

    def __call__(self, request: Any, **options: Any) -> _Responses:
        async def begin() -> Any:
            return self._call(request, **options)

        return _Responses(_result(begin(), self._loop), self._loop)


class _Responses:
    """The responses of a stream, read one by one; leaving the iteration cancels it."""

    def __init__(self, call: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._call = call
        self._loop = loop

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        response = _result(self._call.read(), self._loop)
        if response is grpc.aio.EOF:
            raise StopIteration
        return response

    def cancel(self) -> bool:
        """Give the stream up."""

        async def cancel() -> bool:
            return bool(self._call.cancel())

        return bool(_result(cancel(), self._loop))


def _result(coroutine: Any, loop: asyncio.AbstractEventLoop) -> Any:
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return future.result()
    except KeyboardInterrupt:
        future.cancel()
        raise
