"""A server on this machine that answers as a function says, as httpx's types have it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import httpx


@asynccontextmanager
async def served(respond):
    """Serve requests on a free port; yield the base URL and the requests, as they come."""
    seen = []

    async def handle(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.rstrip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = [tuple(line.split(": ", 1)) for line in lines]
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        content = await reader.readexactly(length)
        url = f"http://{httpx.Headers(headers)['host']}{target}"
        seen.append(httpx.Request(method, url, headers=headers, content=content))
        response = respond(seen[-1])
        writer.write(_raw(response, b"" if method == "HEAD" else response.content))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


def _raw(response, content):
    kept = [(name, value) for name, value in response.headers.items() if name != "content-length"]
    lines = [f"HTTP/1.1 {response.status_code} {response.reason_phrase}", *(f"{name}: {value}" for name, value in kept)]
    length = response.headers.get("content-length", len(content))
    return "\r\n".join([*lines, f"content-length: {length}", "connection: close", "", ""]).encode() + content
