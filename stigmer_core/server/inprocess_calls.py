"""The call objects of the in-process channel."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from stigmer_core.errors import CancelledError, DeadlineExceededError, StigmerError
from stigmer_core.server.boundary import status_of, visible

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator

STATUS = {status.value[0]: status for status in grpc.StatusCode}
MESSAGES_AHEAD = 16  # what a stream may be ahead of its reader


def rpc_error(error: StigmerError) -> grpc.aio.AioRpcError:
    """Return the error that a remote caller would see."""
    code, text = status_of(error)
    return grpc.aio.AioRpcError(STATUS[code], grpc.aio.Metadata(), grpc.aio.Metadata(), details=text)


async def with_deadline(awaitable: Awaitable[Any], timeout: float) -> Any:  # noqa: ASYNC109 - gRPC's word
    """Return the result, unless it takes longer than `timeout` seconds; then it is cancelled."""
    try:
        async with asyncio.timeout(timeout):
            if timeout <= 0:
                await asyncio.sleep(0)
            return await awaitable
    except TimeoutError:
        if hasattr(awaitable, "close"):
            awaitable.close()
        raise DeadlineExceededError("Deadline Exceeded") from None


class _Ended:
    """What a call is asked about its end, however it is driven."""

    __slots__ = ("_callbacks", "_deadline", "_error", "_finished")

    def _reset(self, timeout: float | None) -> None:
        self._finished = False
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Any], None]] | None = None
        self._deadline = None if timeout is None else monotonic() + timeout
