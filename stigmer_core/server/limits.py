"""A bound on the calls in flight, one for unary calls and one for streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.errors import ResourceExhaustedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from stigmer_core.server.interceptor import Call, Stream, Unary
    from stigmer_core.server.method import Method


class Limits:
    """Refuses a call when as many of its class are in flight as the server takes; nothing waits in a queue.

    Args:
        unary: calls with one answer, in flight at once.
        streams: open server streams; each holds about 25 KB, nearly all of it gRPC's own.
    """

    def __init__(self, *, unary: int = 1_000, streams: int = 10_000) -> None:
        self.max_unary = unary
        self.max_streams = streams
        self.unary_in_flight = 0
        self.streams_open = 0

    def unary(self, method: Method, call_next: Unary) -> Unary:  # noqa: ARG002 - one bound for all methods
        """Return the chain of a unary method with this interceptor in front."""

        async def limited(request: Any, call: Call) -> Any:
            if self.unary_in_flight >= self.max_unary:
                raise ResourceExhaustedError(f"{self.max_unary} calls are in flight already: try again later")
            self.unary_in_flight += 1
            try:
                return await call_next(request, call)
            finally:
                self.unary_in_flight -= 1

        return limited

    def stream(self, method: Method, call_next: Stream) -> Stream:  # noqa: ARG002 - one bound for all methods
        """Return the chain of a streaming method with this interceptor in front."""
        closed = self._closed

        def limited(request: Any, call: Call) -> AsyncGenerator[Any, None]:
            if self.streams_open >= self.max_streams:
                raise ResourceExhaustedError(f"{self.max_streams} streams are open already: close one, or try later")
            self.streams_open += 1
            call.at_end.append(closed)
            return call_next(request, call)

        return limited

    def _closed(self, _error: BaseException | None, _seconds: float) -> None:
        self.streams_open -= 1
