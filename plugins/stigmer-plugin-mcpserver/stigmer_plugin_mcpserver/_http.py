"""An MCP server behind an address: streamable HTTP, with what is secret added beneath everything that logs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

import httpx2
from mcp.client.streamable_http import streamable_http_client

from stigmer_plugin_mcpserver._failure import ConnectFailure, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from mcp.client import Transport

    from stigmer_plugin_mcpserver._variables import Variables

MAX_BYTES = 8 * 1024 * 1024
_REQUEST_SECONDS = 30
_UNAUTHORIZED = (401, 403)
_REDIRECTS, _CLIENT_ERRORS, _SERVER_ERRORS = 300, 400, 500


class HttpServer:
    """Connects to a server over HTTP, once; proxies that the environment names are not used.

    Raises:
        ConnectFailure: a value cannot be sent.
    """

    def __init__(self, http: Any, variables: Variables) -> None:
        self._url = http.url
        self._seconds = http.timeout_seconds or _REQUEST_SECONDS
        self._gate = _Gate(
            _filled(http.headers, variables, one_line=True), _filled(http.query_params, variables, one_line=False)
        )

    @contextlib.asynccontextmanager
    async def _streams(self) -> AsyncIterator[Any]:
        client = httpx2.AsyncClient(
            transport=self._gate, timeout=self._seconds, trust_env=False, follow_redirects=False
        )
        async with client, streamable_http_client(self._url, http_client=client) as streams:
            yield streams

    def streams(self) -> Transport:
        """Return the transport that the SDK's client enters."""
        return cast("Transport", self._streams())

    def trouble(self) -> ConnectFailure | None:
        """Return what went wrong below the protocol, or None."""
        gate = self._gate
        if gate.failure is not None:
            return gate.failure
        if gate.status in _UNAUTHORIZED:
            text = f"it answered {gate.status}: check the variables that its headers and query are made of"
            return ConnectFailure(Reason.UNAUTHORIZED, text)
        if gate.status >= _SERVER_ERRORS:
            return ConnectFailure(Reason.UNREACHABLE, f"it answered {gate.status}")
        if gate.status >= _CLIENT_ERRORS:
            return ConnectFailure(Reason.REFUSED, f"it answered {gate.status}: is this the address of its endpoint?")
        if gate.status >= _REDIRECTS:
            text = f"it answered {gate.status}, a redirect that is not followed: give the address it leads to"
            return ConnectFailure(Reason.REFUSED, text)
        return None

    def evidence(self) -> str:
        """Return nothing: what is known is in `trouble`."""
        return ""


class _Gate(httpx2.AsyncBaseTransport):
    """Adds headers and query to each request, and counts what comes back.

    The SDK and httpx log requests and put them into exceptions; what is added here they never see.
    """

    def __init__(self, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
        self._headers = {**headers, "accept-encoding": "identity"}
        self._query = query
        self._inner = httpx2.AsyncHTTPTransport()
        self._bytes = 0
        self.status = 0  # of the last POST: a GET or DELETE may be refused by a good server
        self.failure: ConnectFailure | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = httpx2.Headers(request.headers)
        headers.update(self._headers)
        url = request.url.copy_merge_params(self._query) if self._query else request.url
        sent = httpx2.Request(
            request.method, url, headers=headers, stream=request.stream, extensions=request.extensions
        )
        try:
            response = await self._inner.handle_async_request(sent)
        except httpx2.TransportError as error:
            self.failure = self.failure or _unreachable(error)
            raise
        if request.method == "POST":
            self.status = response.status_code
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise self._refused(Reason.PROTOCOL, "its answer is compressed, which was not asked for")
        response.stream = _Counted(cast("httpx2.AsyncByteStream", response.stream), self)
        return response

    def count(self, size_bytes: int) -> None:
        self._bytes += size_bytes
        if self._bytes > MAX_BYTES:
            raise self._refused(Reason.TOO_LARGE, f"it answered more than {MAX_BYTES} bytes")

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _refused(self, reason: Reason, text: str) -> httpx2.ReadError:
        self.failure = ConnectFailure(reason, text)
        return httpx2.ReadError(text)


class _Counted(httpx2.AsyncByteStream):
    """The body of a response, counted as it comes."""

    def __init__(self, stream: httpx2.AsyncByteStream, gate: _Gate) -> None:
        self._stream = stream
        self._gate = gate

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._gate.count(len(chunk))
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _filled(texts: Mapping[str, str], variables: Variables, *, one_line: bool) -> dict[str, str]:
    filled = {name: variables.fill(text, one_line=one_line) for name, text in texts.items()}
    return {name: text for name, text in filled.items() if text is not None}


def _unreachable(error: httpx2.TransportError) -> ConnectFailure:
    match error:
        case httpx2.ConnectError():
            text = "nothing answers at its address: is it running, is the name right, is the certificate good?"
        case httpx2.TimeoutException():
            return ConnectFailure(Reason.DEADLINE, "it did not answer a request in time")
        case httpx2.LocalProtocolError():
            return ConnectFailure(Reason.BAD_VALUE, "a header has a value that HTTP cannot carry")
        case _:
            text = f"the connection broke: {type(error).__name__}"
    return ConnectFailure(Reason.UNREACHABLE, text)
