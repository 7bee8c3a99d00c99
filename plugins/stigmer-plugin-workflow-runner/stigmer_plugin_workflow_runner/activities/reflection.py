"""What a gRPC server says of itself: the descriptors of a service, by server reflection.

Source: grpc/reflection/v1/reflection.proto. The messages of v1alpha are the same on the wire.
"""

from __future__ import annotations

import time
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from stigmer_plugin_workflow_runner.activities.failures import failed, misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_FILES = 1_000
TIMEOUT = 60.0  # seconds for all questions
_PATHS = (
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)


async def reflected(channel: grpc.aio.Channel, service: str, metadata: Sequence[tuple[str, str]]) -> DescriptorPool:
    """Return a pool with the service and all that it is made of.

    Raises:
        ActivityError: the standard configuration error: the server has no reflection, or no such service.
        grpc.aio.AioRpcError: the server does not answer.
    """
    ends = time.monotonic() + TIMEOUT
    for path in _PATHS:
        try:
            return pool_of(await _Questions(channel, path, metadata, ends).files(service))
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                raise
    raise misconfigured("the server does not describe itself (reflection): give the call a 'proto'")


def pool_of(files: Iterable[FileDescriptorProto]) -> DescriptorPool:
    """Return a pool of files, each after those that it imports.

    Raises:
        ActivityError: they do not fit together.
    """
    pool, left = DescriptorPool(), {file.name: file for file in files}
    try:
        while left:
            ready = [file for file in left.values() if not any(name in left for name in file.dependency)]
            if not ready:
                raise misconfigured(f"the files that describe the service import each other: {', '.join(left)}")
            for file in ready:
                pool.Add(left.pop(file.name))
    except (TypeError, DecodeError) as error:
        raise misconfigured(f"the description of the service does not fit together: {error}") from error
    return pool


class _Questions:
    """Questions and answers, each a stream of its own: of one that a server refuses the reason may be lost."""

    def __init__(self, channel: grpc.aio.Channel, path: str, metadata: Sequence[tuple[str, str]], ends: float) -> None:
        self._call: Any = channel.unary_stream(
            path, ServerReflectionRequest.SerializeToString, ServerReflectionResponse.FromString
        )
        self._metadata = tuple(metadata)
        self._ends = ends  # on the monotonic clock

    async def files(self, service: str) -> list[FileDescriptorProto]:
        """Return the file with the service and all that it imports."""
        answer = await self._ask(file_containing_symbol=service)
        if answer.HasField("error_response"):
            raise misconfigured(f"the server has no service {service!r}{await self._meant(service)}")
        found: dict[str, FileDescriptorProto] = {}
        _take(answer, found)
        wanted = _missing(found)
        while wanted and len(found) < MOST_FILES:
            answer = await self._ask(file_by_filename=wanted[0])
            _take(answer, found)
            if wanted[0] not in found:
                raise misconfigured(f"the server does not say what {wanted[0]!r} is, which {service!r} needs")
            wanted = _missing(found)
        return list(found.values())

    async def _meant(self, service: str) -> str:
        answer = await self._ask(list_services="")
        known = [entry.name for entry in answer.list_services_response.service]
        close = get_close_matches(service, known, n=1, cutoff=0.4)
        return f", did you mean {close[0]!r}?" if close else ""

    async def _ask(self, **question: str) -> Any:
        timeout = max(self._ends - time.monotonic(), 0)
        stream = self._call(ServerReflectionRequest(**question), metadata=self._metadata, timeout=timeout)
        try:
            answer = await stream.read()
        finally:
            stream.cancel()
        if answer is grpc.aio.EOF:
            raise failed(500, "the server does not answer what it offers")
        return answer


def _take(answer: Any, found: dict[str, FileDescriptorProto]) -> None:
    for content in answer.file_descriptor_response.file_descriptor_proto:
        try:
            file = FileDescriptorProto.FromString(content)
        except DecodeError as error:
            raise failed(500, "the server describes itself with what is no description") from error
        found.setdefault(file.name, file)


def _missing(found: dict[str, FileDescriptorProto]) -> list[str]:
    return [name for file in found.values() for name in file.dependency if name not in found]
