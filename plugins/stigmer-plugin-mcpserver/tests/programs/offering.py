"""A good server on standard input and output: tools of several kinds, and a resource template.

`offering.py [EXTRA]` offers so many tools more. What it was started with it tells in the description of `whoami`.
"""

from __future__ import annotations

import os
import sys

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("offering")
TOLD = f"{sorted(os.environ)} {os.environ.get('REGION', '')} {sys.argv[1:]}"


@server.tool(description="Search issues.")
def search(query: str, limit: int = 10) -> str:
    return f"{query} {limit}"


@server.tool(description="Delete an issue.", annotations=ToolAnnotations(destructive_hint=True))
def delete(issue: str) -> str:
    return issue


@server.tool(description="Read an issue.", annotations=ToolAnnotations(read_only_hint=True, destructive_hint=True))
def read(issue: str) -> str:
    return issue


@server.tool(description=TOLD)
def whoami() -> str:
    return TOLD


@server.resource("issue://{number}", name="issue", description="One issue.", mime_type="text/plain")
def issue(number: str) -> str:
    return number


if __name__ == "__main__":
    server.run("stdio")
