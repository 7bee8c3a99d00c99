"""The error boundary: the only place that decides what a caller sees of an error."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

from stigmer_core.errors import CancelledError, Code, StigmerError
from stigmer_core.kind import Encoded

if TYPE_CHECKING:
    from stigmer_core.server.interceptor import AtEnd, Call, Stream, Unary
    from stigmer_core.server.method import Method

logger = logging.getLogger(__name__)

# Status text travels in a header; a client refuses headers over 16 KB altogether, percent-encoding may triple it.
MAX_TEXT_CHARACTERS = 2_000
_FAULTS_OF_OURS = (Code.INTERNAL, Code.DATA_LOSS)


class ErrorBoundary:
    """Lets only a `StigmerError` out; what anything else says goes to the log, under the id that the caller gets."""

    def unary(self, method: Method, call_next: Unary) -> Unary:
        """Return the chain of a unary method with this interceptor in front."""
        response_type = method.response_type

        async def bounded(request: Any, call: Call) -> Any:
            try:
                response = await call_next(request, call)
                kind = type(response)
                if kind is response_type or kind is Encoded:
                    return response
                raise _wrong_type(method, kind)  # noqa: TRY301 - becomes a fault like any other
            except BaseException as error:  # noqa: BLE001 - the one boundary
                raise visible(error, method.path) from None

        return bounded

    def stream(self, method: Method, call_next: Stream) -> Stream:  # noqa: ARG002 - the protocol's
        """Return the chain as it is: a stream's boundary is its `OpenStream`."""
        return call_next


class OpenStream:
    """A stream that is being answered, and its boundary: `async with` it, read `responses`, check each.

    It is made by opening the stream, and holds neither request nor metadata: it may be open for days, as may thousands.

    Raises:
        StigmerError: the stream is refused; it is over then.
    """

    __slots__ = ("_at_end", "_method", "_opened", "responses")

    def __init__(self, method: Method, chain: Stream, request: Any, call: Call) -> None:
        self._method = method
        self._opened = perf_counter()
        self._at_end: list[AtEnd] = []
        try:
            self.responses = chain(request, replace(call, at_end=self._at_end))
        except BaseException as error:  # noqa: BLE001 - as in `__aexit__`
            self._end(error)
            raise visible(error, method.path) from None

    def checked(self, response: Any) -> Any:
        """Return a response of the right type as it is; raise TypeError, a fault of the handler's, for another one."""
        kind = type(response)
        if kind is Encoded or kind is self._method.response_type:
            return response
        raise _wrong_type(self._method, kind)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        try:
            await self.responses.aclose()
        except BaseException as failure:  # noqa: BLE001 - what else went wrong is the end's error
            error = failure
        self._end(error)
        if error is not None:
            raise visible(error, self._method.path) from None

    def _end(self, error: BaseException | None) -> None:
        for end in reversed(self._at_end):
            end(error, perf_counter() - self._opened)


def visible(error: BaseException, path: str) -> BaseException:
    """Return what may leave the process in place of `error`; log what may not.

    A cancellation of the running task passes as it is; one that a handler raises by itself is an error like others.
    A plugin that calls `sys.exit` ends its call, not the server.
    """
    match error:
        case StigmerError():
            if error.code in _FAULTS_OF_OURS:
                logger.error("rpc failed code=%s method=%s", error.code.name, path, exc_info=error)
            return error
        case GeneratorExit() | KeyboardInterrupt():
            return error
        case asyncio.CancelledError():
            task = asyncio.current_task()
            if task is None or task.cancelling():
                return error
            return CancelledError("the call was cancelled by the server")
        case _:
            error_id = secrets.token_hex(6)
            logger.error("rpc failed error_id=%s method=%s", error_id, path, exc_info=error)
            return StigmerError(f"internal error {error_id}: the server's log has the details under this id")


def status_of(error: StigmerError) -> tuple[Code, str]:
    """Return the code and the text that go to the wire: never empty, never too long for a header."""
    text = error.message.encode("utf-8", "replace").decode() if isinstance(error.message, str) else ""
    if len(text) > MAX_TEXT_CHARACTERS:
        text = text[: MAX_TEXT_CHARACTERS - 1] + "…"
    return error.code, text or error.code.name.lower().replace("_", " ")


def _wrong_type(method: Method, kind: type) -> TypeError:
    return TypeError(f"the handler of {method.path} answered {kind.__qualname__}, not {method.response_type.__name__}")
