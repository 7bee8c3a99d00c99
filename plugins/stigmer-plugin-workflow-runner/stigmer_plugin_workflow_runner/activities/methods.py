"""Methods of gRPC services, called with JSON: what they take, what they answer, and how they refuse."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf import json_format, message_factory

from stigmer_plugin_workflow_runner.activities.failures import failed, misconfigured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor_pool import DescriptorPool

    from stigmer_core.program import ActivityError, Json

TIMEOUT = 60.0  # seconds without a message; how long a task may take is the document's affair
LARGEST = 10 * 1024 * 1024  # bytes of all messages of a stream
MOST_MESSAGES = 10_000
_TOLD = 500  # characters of what the server says
_STATUS = {  # google/rpc/code.proto
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "CANCELLED": 499,
    "DEADLINE_EXCEEDED": 504,
    "FAILED_PRECONDITION": 400,
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "OUT_OF_RANGE": 400,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "UNAUTHENTICATED": 401,
    "UNAVAILABLE": 503,
    "UNIMPLEMENTED": 501,
}
_RETRYABLE = ("ABORTED", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "UNAVAILABLE")


@dataclass(frozen=True, slots=True)
class Method:
    """A method, and the pool that knows its messages, and those in them of the type Any."""

    pool: DescriptorPool
    descriptor: Any

    @property
    def path(self) -> str:
        """Return the method's path."""
        return f"/{self.descriptor.containing_service.full_name}/{self.descriptor.name}"


def method_of(pool: DescriptorPool, service: str, method: Json) -> Method:
    """Return a method of a service.

    Raises:
        ActivityError: the standard configuration error: there is none.
    """
    try:
        found: Any = pool.FindServiceByName(service)
    except KeyError as error:
        raise misconfigured(f"the description has no service {service!r}") from error
    if method not in found.methods_by_name:
        close = get_close_matches(str(method), list(found.methods_by_name), n=1)
        hint = f", did you mean {close[0]!r}?" if close else ""
        raise misconfigured(f"the service {service!r} has no method {method!r}{hint}")
    return Method(pool, found.methods_by_name[method])


async def called(
    channel: grpc.aio.Channel, method: Method, arguments: dict[str, Json], metadata: Sequence[tuple[str, str]]
) -> Json:
    """Return the answer as JSON, or the list of answers; a method that takes a stream is sent one message.

    Raises:
        ActivityError: the arguments do not fit, or the answers are too large.
        grpc.aio.AioRpcError: the call fails.
    """
    descriptor = method.descriptor
    request = message_factory.GetMessageClass(descriptor.input_type)()
    try:
        json_format.ParseDict(arguments, request, descriptor_pool=method.pool)
    except (json_format.ParseError, TypeError, ValueError) as error:
        raise misconfigured(f"the arguments are no {descriptor.input_type.full_name}: {error}") from error
    answers = message_factory.GetMessageClass(descriptor.output_type)
    coders = (type(request).SerializeToString, answers.FromString)
    # A stream of one message is the same on the wire. Sent as a stream, a server that refuses it before the message is
    # written is heard as `Internal error from Core`: github.com/grpc/grpc/issues/36066.
    if descriptor.server_streaming:
        call: Any = channel.unary_stream(method.path, *coders)(request, metadata=tuple(metadata))
        return [_json(answer, method) for answer in await _all(call)]
    call = channel.unary_unary(method.path, *coders)(request, metadata=tuple(metadata), timeout=TIMEOUT)
    return _json(await call, method)


def refusal(error: grpc.aio.AioRpcError, shown: str) -> ActivityError:
    """Return what an RPC fails with, as the standard communication error."""
    code, details = error.code().name, (error.details() or "")[:_TOLD]
    detail = f"{shown}: {code}" + (f": {details}" if details else "")
    return failed(_STATUS.get(code, 500), detail, retryable=code in _RETRYABLE)


async def _all(call: Any) -> list[Any]:
    """Return the messages of a stream, as many as may be."""
    found: list[Any] = []
    size = 0
    try:
        while True:
            async with asyncio.timeout(TIMEOUT):
                answer = await call.read()
            if answer is grpc.aio.EOF:
                return found
            found.append(answer)
            size += answer.ByteSize()
            if size > LARGEST or len(found) > MOST_MESSAGES:
                raise failed(500, f"the answers are more than {LARGEST} bytes or {MOST_MESSAGES} messages")
    except TimeoutError as error:
        raise failed(504, f"no message came for {TIMEOUT:g} seconds", retryable=True) from error
    finally:
        call.cancel()


def _json(message: Any, method: Method) -> Json:
    """Return a message as proto3 JSON, with the fields that have their default: expressions ask for them."""
    try:
        return json_format.MessageToDict(
            message, always_print_fields_with_no_presence=True, descriptor_pool=method.pool
        )
    except (json_format.Error, TypeError, ValueError) as error:
        raise failed(500, f"the answer has no form in JSON: {error}") from error
