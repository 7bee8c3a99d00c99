"""The RPCs of McpServer beyond the generic ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.errors import UnimplementedError

if TYPE_CHECKING:
    from ai.stigmer.agentic.mcpserver.v1.api_pb2 import McpServer
    from ai.stigmer.agentic.mcpserver.v1.io_pb2 import ConnectInput

    from stigmer_plugin_mcpserver._attempts import Attempts

_NO_OAUTH = (
    "OAuth for MCP servers needs the cloud edition: this server keeps no OAuth apps or grants; declare the token as a"
    " variable in spec.env, send it in a header such as 'Authorization: Bearer ${TOKEN}', and give its value to connect"
)


class McpServerCommands:
    """Serves `connect` and `startConnect`."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    async def connect(self, request: ConnectInput) -> McpServer:
        """Connect to a server and return it with what it offers; who stops waiting stops the attempt.

        Raises:
            NotFoundError: there is no such server.
            StigmerError: the attempt failed, as its status says too.
        """
        attempt = await self._attempts.begin(request.mcp_server_id, dict(request.runtime_env))
        server: McpServer = await attempt.task
        return server

    async def start_connect(self, request: ConnectInput) -> McpServer:
        """Begin to connect to a server and return it at once; its status tells how it goes.

        Raises:
            NotFoundError: there is no such server.
        """
        attempt = await self._attempts.begin(request.mcp_server_id, dict(request.runtime_env))
        server: McpServer = attempt.server
        return server


class NoOAuth:
    """Answers the RPCs that sign in to MCP servers by OAuth."""

    COMMANDS = (
        "initiateOAuthConnect",
        "completeOAuthConnect",
        "disconnectOAuth",
        "setOrgOAuthApp",
        "deleteOrgOAuthApp",
    )
    QUERIES = ("getOAuthGrantStatus", "getOrgOAuthApp")

    async def refuse(self, request: Any) -> Any:  # noqa: ARG002 - every handler takes its request
        """Say what to use instead.

        Raises:
            UnimplementedError: always.
        """
        raise UnimplementedError(_NO_OAUTH)
