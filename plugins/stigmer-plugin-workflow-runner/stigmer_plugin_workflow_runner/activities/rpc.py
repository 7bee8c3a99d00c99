"""RPCs of this server, called in process with messages that its own kinds bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.activities.failures import failed, misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

    import grpc.aio

    from stigmer_core.kind import Kind
    from stigmer_core.program import ActivityError, Json
    from stigmer_core.resources import Resources
    from stigmer_plugin_workflow_runner.wiring import Wiring

COMMAND, QUERY = 0, 1  # places in the services of a kind


class Rpc:
    """The calls of one kind."""

    def __init__(self, wiring: Wiring, name: str, plugin: str) -> None:
        self._wiring = wiring
        self._name = name
        self._plugin = plugin

    @property
    def resources(self) -> Resources:
        """Return what is stored here.

        Raises:
            ActivityError: the kind is not, as the standard configuration error.
        """
        if self._wiring.resources is None or self._name not in self._wiring.resources.kinds:
            raise misconfigured(f"there is no {self._name} here: pip install {self._plugin}")
        return self._wiring.resources

    @property
    def kind(self) -> Kind:
        """Return the kind."""
        return self.resources.kind(self._name)

    async def call(self, rpc: str, request: Json | Any) -> Any:
        """Call a unary command with a message, or with the fields of one; return its response.

        Raises:
            grpc.aio.AioRpcError: as a remote call would.
        """
        path, message, response = self._method(COMMAND, rpc)
        made = message(**request) if isinstance(request, dict) else request
        return await self._channel().unary_unary(path, message.SerializeToString, response.FromString)(made)

    def follow(self, rpc: str, request: Mapping[str, Json]) -> Any:
        """Call a streaming query; return the call, to iterate over."""
        path, message, response = self._method(QUERY, rpc)
        stream = self._channel().unary_stream(path, message.SerializeToString, response.FromString)
        return stream(message(**request))

    def _channel(self) -> grpc.aio.Channel:
        if self._wiring.channel is None:
            raise misconfigured(f"{self._name} cannot be reached here")
        return self._wiring.channel

    def _method(self, place: int, rpc: str) -> tuple[str, Any, Any]:
        from google.protobuf import message_factory  # noqa: PLC0415 - programs' own tests go without

        service = self.kind.services[place]
        descriptor: Any = self.kind.message.DESCRIPTOR
        method = descriptor.file.pool.FindServiceByName(service).methods_by_name[rpc]
        made = message_factory.GetMessageClass
        return f"/{service}/{rpc}", made(method.input_type), made(method.output_type)


def refused(error: grpc.aio.AioRpcError, what: str) -> ActivityError:
    """Return what an RPC's refusal is to a workflow: its configuration is wrong, or it may be tried again."""
    import grpc  # noqa: PLC0415 - with the server

    detail = f"{what}: {error.details() or error.code().name.lower()}"
    codes = grpc.StatusCode
    if error.code() in (codes.FAILED_PRECONDITION, codes.INVALID_ARGUMENT, codes.NOT_FOUND, codes.UNIMPLEMENTED):
        return misconfigured(detail)
    return failed(500, detail, retryable=error.code() in (codes.UNAVAILABLE, codes.RESOURCE_EXHAUSTED, codes.ABORTED))
