"""The call objects of the in-process channel."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from stigmer_core.errors import CancelledError, DeadlineExceededError, StigmerError
from stigmer_core.server.boundary import status_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence

STATUS = {status.value[0]: status for status in grpc.StatusCode}


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


class _Call:
    """What a call is asked about itself, however it is driven."""

    # Defaults on the class: a call that just succeeds sets none of them, which is a fifth of its time.
    _finished = False
    _cancelled = False
    _error: grpc.aio.AioRpcError | None = None
    _task: asyncio.Task[Any] | None = None
    _callbacks: Sequence[Callable[[Any], None]] = ()
    _deadline: float | None = None

    def done(self) -> bool:
        """Return whether the call has ended."""
        return self._finished

    def cancelled(self) -> bool:
        """Return whether the caller cancelled it."""
        return self._cancelled

    def cancel(self) -> bool:
        """Give the call up; False when it has ended."""
        if self._finished:
            return False
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()
        self._finish(rpc_error(CancelledError("Locally cancelled by application!")))
        return True

    def time_remaining(self) -> float | None:
        """Return the seconds left to the deadline, or None without one."""
        return None if self._deadline is None else max(self._deadline - monotonic(), 0.0)

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Call back when the call has ended."""
        if self._finished:
            callback(self)
        else:
            self._callbacks = [*self._callbacks, callback]

    async def code(self) -> grpc.StatusCode:
        """Return the status, OK when nothing went wrong so far."""
        return self._error.code() if self._error is not None else grpc.StatusCode.OK

    async def details(self) -> str:
        """Return the text of the status."""
        return (self._error.details() or "") if self._error is not None else ""

    async def initial_metadata(self) -> grpc.aio.Metadata:
        """Return nothing: no metadata goes back in process."""
        return grpc.aio.Metadata()

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        """Return nothing: no metadata goes back in process."""
        return grpc.aio.Metadata()

    async def wait_for_connection(self) -> None:
        """Return: there is nothing to connect to."""

    def _finish(self, error: grpc.aio.AioRpcError | None = None) -> None:
        if self._finished:
            return
        self._finished, self._error = True, error
        for callback in self._callbacks:
            callback(self)

    def _abandoned(self) -> BaseException:
        """Return what a cancelled task sees: its own cancellation, or the error of a call it gave up."""
        if self._cancelled and self._error is not None:
            given_up: BaseException = self._error
            return given_up
        error = asyncio.CancelledError()
        self._finish(rpc_error(CancelledError("Locally cancelled by application!")))
        return error


class UnaryCall(_Call):
    """A unary call; it begins when it is awaited, so it needs no task of its own."""

    def __init__(self, awaitable: Awaitable[Any], decode: Callable[[Any], Any], timeout: float | None = None) -> None:
        self._awaitable = awaitable
        self._decode = decode
        if timeout is not None:
            self._deadline = monotonic() + timeout

    def __await__(self) -> Generator[Any, None, Any]:
        if self._error is not None:
            raise self._error
        try:
            response = yield from self._awaitable.__await__()
        except StigmerError as error:
            self._finish(rpc_error(error))
            assert self._error is not None
            raise self._error from None
        except asyncio.CancelledError:
            raise self._abandoned() from None
        self._finished = True
        for callback in self._callbacks:
            callback(self)
        return self._decode(response)

    def cancel(self) -> bool:
        """Give the call up; False when it has ended."""
        if hasattr(self._awaitable, "close") and not self._finished and self._task is None:
            self._awaitable.close()
        return super().cancel()


class StreamCall(_Call):
    """A call that answers with a stream; the handler goes on only as far as its reader does."""

    def __init__(self, responses: AsyncIterator[Any], decode: Callable[[Any], Any], timeout: float | None) -> None:
        self._responses = responses
        self._decode = decode
        if timeout is not None:
            self._deadline = monotonic() + timeout

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._read_all()

    async def read(self) -> Any:
        """Return the next message, or `grpc.aio.EOF`."""
        if self._finished:
            if self._error is not None:
                raise self._error
            return grpc.aio.EOF
        self._task = asyncio.current_task()
        try:
            response = await self._next()
        except StopAsyncIteration:
            self._finish()
            return grpc.aio.EOF
        except StigmerError as error:
            self._finish(rpc_error(error))
            await self._close()  # a deadline that passed between two reads leaves the handler where it was
            assert self._error is not None
            raise self._error from None
        except asyncio.CancelledError:
            await self._close()
            raise self._abandoned() from None
        finally:
            self._task = None
        return self._decode(response)

    def cancel(self) -> bool:
        """Give the stream up; False when it has ended."""
        if self._task is None and not self._finished:
            closing = asyncio.ensure_future(self._close())
            closing.add_done_callback(lambda done: done.cancelled() or done.exception())
        return super().cancel()

    async def _read_all(self) -> AsyncIterator[Any]:
        try:
            while (response := await self.read()) is not grpc.aio.EOF:
                yield response
        finally:
            if not self._finished:
                await self._close()
                self._finish(rpc_error(CancelledError("Locally cancelled by application!")))

    async def _next(self) -> Any:
        step = anext(self._responses)
        return await (step if self._deadline is None else with_deadline(step, self._deadline - monotonic()))

    async def _close(self) -> None:
        close = getattr(self._responses, "aclose", None)
        if close is not None:
            await close()
