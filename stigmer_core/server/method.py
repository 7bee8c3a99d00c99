"""One RPC that is served: its path, its messages and the function behind it."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import PluginError
from stigmer_core.kind import Encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.descriptor import MethodDescriptor
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import Message

    from stigmer_core.kind import Service

__all__ = ["Encoded", "Method", "methods_of", "snake_case"]

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class Method:
    """An RPC and its handler.

    The handler of a unary RPC is `async def (request) -> Message | Encoded`, of a stream a function that returns an
    async generator of these; a generator that keeps the request keeps it for as long as the stream is open.
    `counted_as` is the name in logs' figures when the path is not one of ours; `public` methods answer without
    credentials.
    """

    path: str
    request_type: type[Message]
    response_type: type[Message]
    streaming: bool
    handler: Callable[[Any], Any]
    counted_as: str = ""
    public: bool = False


def snake_case(name: str) -> str:
    """Return the attribute for an RPC's name: `get_by_reference` for `getByReference`."""
    return _WORD.sub("_", name).lower()


def methods_of(service: Service, pool: DescriptorPool | None = None) -> list[Method]:
    """Return the RPCs of `service` that its controller has an attribute for.

    Args:
        service: whose descriptor must be in the pool, which it is once its generated module is imported.
        pool: where the descriptor is looked for; the default pool when None.

    Raises:
        PluginError: no such service, an RPC it does not have, or a handler of the wrong shape.
    """
    return list(_methods(service, pool))


def _methods(service: Service, pool: DescriptorPool | None) -> Iterator[Method]:
    descriptors = _rpcs(service.name, pool)
    if unknown := sorted(set(service.methods) - set(descriptors)):
        raise PluginError(service.name, f"{service.name} has no RPC {', '.join(unknown)}")
    for name, rpc in descriptors.items():
        handler = getattr(service.controller, service.methods.get(name) or snake_case(name), None)
        if handler is not None:
            yield _method(service.name, rpc, handler)
        elif name in service.methods:
            text = f"the controller of {service.name} has no attribute {service.methods[name]!r}"
            raise PluginError(service.name, text)


def _rpcs(service_name: str, pool: DescriptorPool | None) -> dict[str, MethodDescriptor]:
    from google.protobuf import descriptor_pool  # noqa: PLC0415 - protobuf is paid for only by who serves

    try:
        service = (pool or descriptor_pool.Default()).FindServiceByName(service_name)
    except KeyError:
        raise PluginError(service_name, f"no imported module defines the gRPC service {service_name}") from None
    return dict(service.methods_by_name)


def _method(service_name: str, rpc: MethodDescriptor, handler: Callable[[Any], Any]) -> Method:
    from google.protobuf import message_factory  # noqa: PLC0415 - see _rpcs

    path = f"/{service_name}/{rpc.name}"
    if rpc.client_streaming:
        raise PluginError(service_name, f"{path} streams requests, which this server does not serve")
    wrong = inspect.iscoroutinefunction if rpc.server_streaming else inspect.isasyncgenfunction
    if wrong(handler) or not callable(handler):
        shape = "an async generator" if rpc.server_streaming else "a coroutine function"
        raise PluginError(service_name, f"the handler of {path} must be {shape}")
    return Method(
        path=path,
        request_type=message_factory.GetMessageClass(rpc.input_type),
        response_type=message_factory.GetMessageClass(rpc.output_type),
        streaming=rpc.server_streaming,
        handler=handler,
        public=_is_public(rpc),
    )


def _is_public(rpc: MethodDescriptor) -> bool:
    from ai.stigmer.commons.rpc import method_options_pb2  # noqa: PLC0415 - see _rpcs

    return bool(rpc.GetOptions().Extensions[method_options_pb2.is_public])
