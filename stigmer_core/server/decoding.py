"""Makes a request of the handler's own out of what came in: the wire's bytes, or a message of the caller's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from stigmer_core.errors import InvalidArgumentError, ResourceExhaustedError
from stigmer_core.nesting import require_shallow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from stigmer_core.server.interceptor import Call, Stream, Unary
    from stigmer_core.server.method import Method

MAX_MESSAGE_BYTES = 10 * 1024 * 1024  # what the API's clients accept, so what they may send


class Decoding:
    """Decodes or copies requests, so that no handler shares a message with its caller."""

    def __init__(self, max_message_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._max_bytes = max_message_bytes

    def unary(self, method: Method, call_next: Unary) -> Unary:
        """Return the chain of a unary method with this interceptor in front."""
        decode = self._decoder(method)

        def decoded(request: Any, call: Call) -> Awaitable[Any]:
            return call_next(decode(request), call)

        return decoded

    def stream(self, method: Method, call_next: Stream) -> Stream:
        """Return the chain of a streaming method with this interceptor in front."""
        decode = self._decoder(method)

        def decoded(request: Any, call: Call) -> AsyncGenerator[Any, None]:
            return call_next(decode(request), call)

        return decoded

    def _decoder(self, method: Method) -> Callable[[Any], Any]:
        request_type, max_bytes = method.request_type, self._max_bytes

        def decode(request: Any) -> Any:
            if type(request) is request_type:
                if request.ByteSize() > max_bytes:
                    raise _too_large(max_bytes)
                copy = request_type()
                copy.CopyFrom(request)
                return copy
            body = request if isinstance(request, bytes) else request.SerializeToString()
            if len(body) > max_bytes:
                raise _too_large(max_bytes)
            try:
                decoded = request_type.FromString(body)
            except DecodeError:  # its text names classes
                text = f"the request is not a valid {request_type.DESCRIPTOR.full_name}"
                raise InvalidArgumentError(text) from None
            require_shallow(request_type, body)
            return decoded

        return decode


def _too_large(max_bytes: int) -> ResourceExhaustedError:
    return ResourceExhaustedError(f"the request is larger than {max_bytes} bytes")
