"""The pipes of a stdio server: messages out of its output, within bounds, and into its input."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Self, cast

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from stigmer_plugin_mcpserver._failure import ConnectFailure, Reason

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectSendStream

MAX_BYTES = 8 * 1024 * 1024
MAX_MESSAGES = 10_000
MAX_STRAY_LINES = 100
ERROR_BYTES = 16 * 1024


class Output(asyncio.Protocol):
    """Reads messages, one a line; once `refused` is set, nothing more is read.

    Args:
        send: where messages go. It needs room without bounds: they are kept here, by bytes and by number.
    """

    def __init__(self, send: MemoryObjectSendStream[Any]) -> None:
        self._send = send
        self._transport: asyncio.ReadTransport | None = None
        self._rest = b""
        self._bytes = self._messages = 0
        self.stray_lines = 0
        self.ended = False
        self.refused: ConnectFailure | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read."""
        self._transport = cast("asyncio.ReadTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Take every line that is complete."""
        self._bytes += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        if self._bytes > MAX_BYTES:
            self._refuse(Reason.TOO_LARGE, f"more than {MAX_BYTES} bytes")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Tell the reader that there is no more."""
        self.ended = True
        self._send.close()

    def _take(self, line: bytes) -> None:
        if self.refused or not line.strip():
            return
        try:
            message = jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError:
            self._stray(line)
            return
        self._messages += 1
        if self._messages > MAX_MESSAGES:
            self._refuse(Reason.TOO_LARGE, f"more than {MAX_MESSAGES} messages")
            return
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            self._send.send_nowait(SessionMessage(message))

    def _stray(self, line: bytes) -> None:
        """Let a banner or a log line pass, but nothing that was meant to be a message: its answer would never come."""
        self.stray_lines += 1
        if b'"jsonrpc"' in line:
            self._refuse(Reason.PROTOCOL, "a message that is no JSON-RPC")
        elif self.stray_lines > MAX_STRAY_LINES:
            self._refuse(Reason.PROTOCOL, f"more than {MAX_STRAY_LINES} lines that are no JSON-RPC")

    def _refuse(self, reason: Reason, what: str) -> None:
        self.refused = self.refused or ConnectFailure(reason, f"the server wrote {what}")
        self._rest = b""
        self._send.close()
        if self._transport is not None:
            self._transport.close()


class ErrorOutput(asyncio.Protocol):
    """Keeps the end of what a server writes to standard error."""

    def __init__(self) -> None:
        self.kept = bytearray()

    def data_received(self, data: bytes) -> None:
        """Keep the last bytes."""
        self.kept += data
        del self.kept[:-ERROR_BYTES]


class Input:
    """The stream that the SDK writes its messages to."""

    def __init__(self, pipe: asyncio.WriteTransport) -> None:
        self._pipe = pipe

    async def send(self, item: SessionMessage, /) -> None:
        """Write a message.

        Raises:
            anyio.BrokenResourceError: the server does not read any more.
        """
        if self._pipe.is_closing():
            raise anyio.BrokenResourceError
        self._pipe.write(item.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")

    async def aclose(self) -> None:
        """Tell the server that nothing more comes."""
        self._pipe.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()
