"""The error boundary: the only place that decides what a caller sees of an error."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import CancelledError, Code, StigmerError
from stigmer_core.kind import Encoded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from stigmer_core.server.interceptor import Call, Stream, Unary
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

    def stream(self, method: Method, call_next: Stream) -> Stream:
        """Return the chain of a streaming method with this interceptor in front."""
        allowed = (method.response_type, Encoded)

        async def bounded(request: Any, call: Call) -> AsyncIterator[Any]:
            try:
                async with contextlib.aclosing(call_next(request, call)) as responses:  # type: ignore[type-var]
                    async for response in responses:
                        if type(response) not in allowed:
                            raise _wrong_type(method, type(response))  # noqa: TRY301 - a fault like any other
                        yield response
            except BaseException as error:  # noqa: BLE001 - the one boundary
                raise visible(error, method.path) from None

        return bounded


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
