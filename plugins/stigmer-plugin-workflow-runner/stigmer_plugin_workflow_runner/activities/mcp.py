"""The activity `mcp`: one method of an MCP server, in a session of its own.

The protocol's SDK speaks HTTP with a client of its own, and starts servers itself: connections would not be checked,
and processes not confined. So the few messages of such a session are written here.

Source: Model Context Protocol 2025-06-18, "Lifecycle" and "Transports".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from stigmer_plugin_workflow_runner.activities.addresses import AddressPolicy
from stigmer_plugin_workflow_runner.activities.failures import TIMEOUT, failed
from stigmer_plugin_workflow_runner.activities.jsonrpc import result_of
from stigmer_plugin_workflow_runner.program.mcp import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    import httpx

    from stigmer_core.program import ActivityContext, Json
    from stigmer_plugin_workflow_runner.activities.mcp_http import StreamingClient
    from stigmer_plugin_workflow_runner.activities.process import Processes

LONGEST = 300.0  # seconds of a call that does not say how long it may take


class Link(Protocol):
    """The way to a server, which answers one request at a time."""

    version: str

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request."""

    async def tell(self, message: dict[str, Any]) -> None:
        """Send what has no answer."""


class McpActivity:
    """Opens a session with a server, asks it once, and closes the session.

    Args:
        processes: where servers on standard input and output run.
        allow: hosts and networks (CIDR) that may be reached although they are private or loopback.
        transport: what carries requests instead of the network, for tests.
        readable: what servers read beside the system's programs and libraries.
    """

    def __init__(
        self,
        processes: Processes,
        *,
        allow: Sequence[str] = (),
        transport: httpx.AsyncBaseTransport | None = None,
        readable: Sequence[Path] = (),
    ) -> None:
        self._processes, self._readable = processes, readable
        self._policy, self._transport = AddressPolicy(allow), transport
        self._client: StreamingClient | None = None

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Return the result of the method: for a list, the page that was asked for.

        Raises:
            ActivityError: the standard runtime error when the server answers with one; the communication error when
                it does not answer, the timeout error when it takes too long; the configuration error for a call that
                cannot be made.
        """
        seconds = arguments.get("timeoutSeconds", LONGEST)
        limit = asyncio.timeout(seconds)
        try:
            async with limit, self._opened(arguments, context, seconds) as link:
                return await _conversation(link, arguments)
        except TimeoutError as error:
            if not limit.expired():
                raise
            detail = f"the server did not answer {arguments['method']!r} in {seconds:g} s"
            raise failed(408, detail, kind=TIMEOUT) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _opened(self, arguments: Json, context: ActivityContext, seconds: float) -> AbstractAsyncContextManager[Link]:
        if "stdio" in arguments:
            from stigmer_plugin_workflow_runner.activities.mcp_stdio import opened_process  # noqa: PLC0415 - as below

            return opened_process(self._processes, arguments["stdio"], self._readable)
        # httpx takes 100 ms to import, and most processes never call
        from stigmer_plugin_workflow_runner.activities.mcp_http import StreamingClient, opened_session  # noqa: PLC0415

        if self._client is None:
            self._client = StreamingClient(self._policy, self._transport)
        return opened_session(self._client, arguments["http"], context, seconds)


async def _conversation(link: Link, arguments: Json) -> Json:
    opening = {
        "protocolVersion": arguments["protocolVersion"],
        "capabilities": {},
        "clientInfo": arguments["client"],
    }
    agreed = result_of(await link.ask({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": opening}))
    version = agreed.get("protocolVersion") if isinstance(agreed, dict) else None
    if version not in VERSIONS:
        raise failed(500, f"the server speaks version {str(version)[:20]!r} of MCP, which is not known here")
    link.version = version
    await link.tell({"jsonrpc": "2.0", "method": "notifications/initialized"})
    request = {"jsonrpc": "2.0", "id": 2, "method": arguments["method"], "params": arguments["parameters"]}
    return result_of(await link.ask(request))
