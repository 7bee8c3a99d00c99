"""An installation in this process, over a real database file: what a plugin's own tests call."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pool, message_factory

from stigmer_core.app import App
from stigmer_core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import grpc.aio


class Installation:
    """A composed and opened App with a channel to it."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.channel: grpc.aio.Channel = app.channel()

    async def call(self, service: str, rpc: str, request: Any) -> Any:
        """Call a unary RPC and return its response.

        Raises:
            grpc.aio.AioRpcError: as a remote call would.
        """
        return await self._callable(self.channel.unary_unary, service, rpc)(request)

    def stream(self, service: str, rpc: str, request: Any) -> Any:
        """Call a streaming RPC and return the call, to iterate over."""
        return self._callable(self.channel.unary_stream, service, rpc)(request)

    @staticmethod
    def _callable(kind: Any, service: str, rpc: str) -> Any:
        method = descriptor_pool.Default().FindServiceByName(service).methods_by_name[rpc]
        request = message_factory.GetMessageClass(method.input_type)
        response = message_factory.GetMessageClass(method.output_type)
        return kind(f"/{service}/{rpc}", request.SerializeToString, response.FromString)


@contextlib.asynccontextmanager
async def installation(home: Path, **settings: Any) -> AsyncIterator[Installation]:
    """Open an installation over a home and close it again."""
    app = App.compose(load_settings(home=home, **settings))
    try:
        await app.open()
        yield Installation(app)
    finally:
        await app.close()
