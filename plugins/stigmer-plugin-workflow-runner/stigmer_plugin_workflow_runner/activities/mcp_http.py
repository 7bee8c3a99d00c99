"""The way to an MCP server over HTTP: each message is a request, and its answer JSON or a stream of events."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import httpx

from stigmer_core.program import ActivityError
from stigmer_plugin_workflow_runner.activities.authentication import auth_of
from stigmer_plugin_workflow_runner.activities.client import HttpClient, translated
from stigmer_plugin_workflow_runner.activities.failures import failed, misconfigured
from stigmer_plugin_workflow_runner.activities.http import LARGEST
from stigmer_plugin_workflow_runner.activities.jsonrpc import answers, parsed, reply_to
from stigmer_plugin_workflow_runner.activities.requests import request_of, shown_uri

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from stigmer_core.program import ActivityContext, Json

_ACCEPTED = "application/json, text/event-stream"
_SESSION, _VERSION = "Mcp-Session-Id", "MCP-Protocol-Version"
_OWN = ("accept", "content-type", _SESSION.lower(), _VERSION.lower())
_CLOSING = 2.0  # seconds for the end of a session
_PROGRESS = 30.0  # seconds until a connection is made, or takes what is written to it
_EVENTS = "text/event-stream"
_RETRYABLE = {408, 425, 429, 500, 502, 503, 504}


class StreamingClient(HttpClient):
    """Reads bodies as they come: a stream of events need not end with the answer."""

    @asynccontextmanager
    async def opened(self, request: httpx.Request, policy: Json) -> AsyncIterator[httpx.Response]:
        """Return the response to a request; redirects are not followed.

        Raises:
            httpx.HTTPError: there was none.
        """
        response = await self._sent(request, auth_of(policy, self._tokens))
        try:
            yield response
        finally:
            await response.aclose()


class HttpLink:
    """A session; every message is a request of its own.

    Args:
        client: what sends.
        endpoint: the address, its authentication and the headers of each request.
        context: of the command that calls.
        seconds: how long the server may be silent.
    """

    def __init__(self, client: StreamingClient, endpoint: Json, context: ActivityContext, seconds: float) -> None:
        self.version = ""
        self._client, self._endpoint, self._context = client, endpoint, context
        self._timeout = httpx.Timeout(_PROGRESS, read=seconds).as_dict()
        self._session = ""
        headers = endpoint.get("headers") or {}
        self._headers = {name: value for name, value in headers.items() if name.lower() not in _OWN}

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request; questions of the server that come before it are replied to.

        Raises:
            ActivityError: there is none.
        """
        sent, shown = self._request("POST", request)
        with translated(shown):
            async with self._client.opened(sent, self._endpoint.get("authentication")) as response:
                _check(response, shown)
                self._session = self._session or _session_of(response)
                async for message in _messages(response):
                    if answers(message, request):
                        return message
                    if reply := reply_to(message):
                        await self.tell(reply)
        raise failed(500, f"{shown}: the server did not answer {request['method']!r}")

    async def tell(self, message: dict[str, Any]) -> None:
        """Send what has no answer.

        Raises:
            ActivityError: it is not taken.
        """
        sent, shown = self._request("POST", message)
        with translated(shown):
            async with self._client.opened(sent, self._endpoint.get("authentication")) as response:
                _check(response, shown)

    async def end(self) -> None:
        """End the session, if there is one and the server takes it."""
        if not self._session:
            return
        with suppress(ActivityError, httpx.HTTPError, TimeoutError):
            async with asyncio.timeout(_CLOSING):
                sent, _ = self._request("DELETE", None)
                async with self._client.opened(sent, self._endpoint.get("authentication")):
                    pass

    def _request(self, method: str, body: Json) -> tuple[httpx.Request, str]:
        """Return a request, and how errors show it."""
        own = {"Accept": _ACCEPTED, _SESSION: self._session or None, _VERSION: self.version or None}
        kind = {} if body is None else {"Content-Type": "application/json"}
        wanted = {**self._endpoint, "method": method, "headers": {**self._headers, **own, **kind}, "body": body}
        with translated(method):
            request = request_of(wanted, self._context)
        if not (self.version and body and "method" in body and "id" in body):
            request.headers.pop("Idempotency-Key", None)  # it is the method's alone
        request.extensions["timeout"] = self._timeout
        if request.url.scheme not in ("http", "https") or not request.url.host:
            raise misconfigured(f"{shown_uri(request.url, self._endpoint)!r} is no URL of HTTP")
        return request, f"{method} {shown_uri(request.url, self._endpoint)}"


@asynccontextmanager
async def opened_session(
    client: StreamingClient, endpoint: Json, context: ActivityContext, seconds: float
) -> AsyncIterator[HttpLink]:
    """Return the way to a server; the session ends with it."""
    link = HttpLink(client, endpoint, context, seconds)
    try:
        yield link
    finally:
        await link.end()


def _check(response: httpx.Response, shown: str) -> None:
    if not response.is_success:
        status = response.status_code
        raise failed(status, f"{shown}: {status} {response.reason_phrase}", retryable=status in _RETRYABLE)


def _session_of(response: httpx.Response) -> str:
    found = str(response.headers.get(_SESSION, ""))
    if not (found.isascii() and found.isprintable()):
        raise failed(500, "the server's session has an id that no header can hold")
    return found


async def _messages(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """Yield the messages of a body, each as it comes."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _EVENTS:
        async for data in _events(response):
            for message in parsed(data):
                yield message
        return
    if kind != "application/json":
        raise failed(500, f"the server answers with {kind or 'nothing'!r}, not with JSON or a stream of events")
    body = b"".join([chunk async for chunk in _bounded(response)])
    for message in parsed(body):
        yield message


async def _events(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the data of each event that has some."""
    data: list[bytes] = []
    async for line in _lines(response):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            text, data = b"\n".join(data), []
            if text.strip():
                yield text


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    r"""Yield the lines of a stream, which end with \n, \r\n or \r; what has no end is dropped."""
    rest: list[bytes] = []
    is_between = False  # a \r ended the last chunk
    async for chunk in _bounded(response):
        part = chunk[1:] if is_between and chunk.startswith(b"\n") else chunk
        is_between = chunk.endswith(b"\r")
        *lines, last = part.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            yield b"".join([*rest, line])
            rest = []
        rest.append(last)


async def _bounded(response: httpx.Response) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > LARGEST:
            raise failed(500, f"the response has more than {LARGEST} bytes")
        yield chunk
