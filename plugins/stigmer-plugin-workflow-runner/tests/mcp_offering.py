"""An MCP server made with the protocol's SDK: `mcp_offering.py stdio`, or `http`, which prints its address."""

from __future__ import annotations

import os
import socket
import sys

import uvicorn
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("offering")


@server.tool(description="Add two numbers.")
def add(one: int, other: int) -> int:
    return one + other


@server.tool(description="Report, and then say what the process was started with.")
async def started(context: Context) -> str:
    await context.report_progress(1, 2)
    names = [name for name in sorted(os.environ) if name not in ("LC_CTYPE", "PWD")]
    return f"{names} {os.environ.get('REGION')} {sys.argv[2:]}"


@server.prompt(description="Greet somebody.")
def greet(name: str) -> str:
    return f"Say hello to {name}."


@server.resource("text://motto", name="motto", mime_type="text/plain")
def motto() -> str:
    return "small is beautiful"


@server.resource("issue://{number}", name="issue", mime_type="text/plain")
def issue(number: str) -> str:
    return number


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp\n")
        sys.stdout.flush()
        app = server.streamable_http_app(json_response="json" in sys.argv)
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run([listener])
