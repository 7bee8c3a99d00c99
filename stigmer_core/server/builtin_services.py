"""Reflection (v1 and v1alpha) and health: what every gRPC client expects beside the API itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HEALTH = "grpc.health.v1.Health"
REFLECTION = "grpc.reflection.v1.ServerReflection"
REFLECTION_ALPHA = "grpc.reflection.v1alpha.ServerReflection"
LOOPBACK_PEERS = ("unix:", "ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D")


def health_handlers(servicer: Any, guard: Callable[[Any], Any]) -> dict[str, grpc.RpcMethodHandler]:
    """Return the RPCs of the health service, behind `guard`."""
    from grpc_health.v1 import health_pb2  # noqa: PLC0415 - only a server needs it

    messages = {
        "request_deserializer": health_pb2.HealthCheckRequest.FromString,
        "response_serializer": health_pb2.HealthCheckResponse.SerializeToString,
    }
    return {
        f"/{HEALTH}/Check": grpc.unary_unary_rpc_method_handler(guard(servicer.Check), **messages),
        f"/{HEALTH}/Watch": grpc.unary_stream_rpc_method_handler(guard(servicer.Watch), **messages),
    }


def reflection_handlers(services: Iterable[str], guard: Callable[[Any], Any]) -> dict[str, grpc.RpcMethodHandler]:
    """Return the RPC of both reflection services, behind `guard`: their messages are the same on the wire."""
    from grpc_reflection.v1alpha import reflection_pb2  # noqa: PLC0415 - only a server needs it
    from grpc_reflection.v1alpha._async import ReflectionServicer  # noqa: PLC0415 - not exported elsewhere

    servicer = ReflectionServicer([*services, HEALTH, REFLECTION, REFLECTION_ALPHA], _Descriptors())

    async def serve(requests: Any, context: Any) -> None:
        async for response in servicer.ServerReflectionInfo(requests, context):
            await context.write(response)

    handler = grpc.stream_stream_rpc_method_handler(
        guard(serve),
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return {f"/{name}/ServerReflectionInfo": handler for name in (REFLECTION, REFLECTION_ALPHA)}


class _Descriptors:
    """The default pool, and the file of reflection v1, which grpcio-reflection does not have."""

    def __init__(self) -> None:
        self._default = descriptor_pool.Default()
        self._own = descriptor_pool.DescriptorPool()
        self._own.Add(_reflection_v1())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._default, name)

    def FindFileByName(self, name: str) -> Any:  # noqa: N802 - the pool's name
        try:
            return self._default.FindFileByName(name)
        except KeyError:
            return self._own.FindFileByName(name)

    def FindFileContainingSymbol(self, symbol: str) -> Any:  # noqa: N802 - the pool's name
        try:
            return self._default.FindFileContainingSymbol(symbol)
        except KeyError:
            return self._own.FindFileContainingSymbol(symbol)


def _reflection_v1() -> descriptor_pb2.FileDescriptorProto:
    from grpc_reflection.v1alpha import reflection_pb2  # noqa: PLC0415 - only a server needs it

    file = descriptor_pb2.FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    file.name, file.package = "grpc/reflection/v1/reflection.proto", "grpc.reflection.v1"
    for message in file.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = field.type_name.replace("v1alpha", "v1")
    for rpc in file.service[0].method:
        rpc.input_type = rpc.input_type.replace("v1alpha", "v1")
        rpc.output_type = rpc.output_type.replace("v1alpha", "v1")
    return file
