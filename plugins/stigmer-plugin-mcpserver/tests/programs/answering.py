"""A good server over streamable HTTP on a free loopback port, which it prints: `answering.py`.

It serves only who comes with the header `x-token: sesame-open-wide` and the query `region=eu`.
"""

from __future__ import annotations

import socket
import sys

import uvicorn
from offering import server
from starlette.responses import PlainTextResponse

app = server.streamable_http_app()


async def guarded(scope, receive, send):
    if scope["type"] == "http":
        headers = dict(scope["headers"])
        if headers.get(b"x-token") != b"sesame-open-wide" or scope["query_string"] != b"region=eu":
            await PlainTextResponse("no", status_code=401)(scope, receive, send)
            return
    await app(scope, receive, send)


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(guarded, log_level="error")).run(sockets=[listening])
