"""Errors of ours as answers of the HTTP host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response

from stigmer_core.errors import Code, StigmerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

_STATUS = {
    Code.INVALID_ARGUMENT: 400,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.FAILED_PRECONDITION: 410,
    Code.OUT_OF_RANGE: 413,
    Code.UNAVAILABLE: 503,
    Code.RESOURCE_EXHAUSTED: 507,
}
_NOSNIFF = {"X-Content-Type-Options": "nosniff"}


def answered(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that answers errors of ours as plain text; what is not for a caller's eyes goes on."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientDisconnect:  # nobody is there to read an answer
            return Response(status_code=_STATUS[Code.INVALID_ARGUMENT])
        except StigmerError as error:
            if error.code not in _STATUS:
                raise
            return PlainTextResponse(f"{error.message}\n", status_code=_STATUS[error.code], headers=_NOSNIFF)

    return answered
