"""HTTP as activities speak it: one pool of connections to checked addresses, limits, and the standard errors."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpx

from stigmer_plugin_workflow_runner.activities.addresses import ForbiddenAddressError
from stigmer_plugin_workflow_runner.activities.authentication import auth_of
from stigmer_plugin_workflow_runner.activities.failures import failed, misconfigured
from stigmer_plugin_workflow_runner.activities.tokens import Tokens
from stigmer_plugin_workflow_runner.activities.transport import CheckedTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.activities.addresses import AddressPolicy

MOST_REDIRECTS = 5
TIMEOUT = 60.0  # seconds without progress; how long a task may take is the document's affair


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, and its body as it was sent, uncompressed."""

    response: httpx.Response
    body: bytes


class HttpClient:
    """Sends requests, and follows redirects one by one.

    Args:
        policy: which addresses may be reached.
        transport: what carries requests instead of the network, for tests.
    """

    def __init__(self, policy: AddressPolicy, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = httpx.AsyncClient(
            transport=transport or CheckedTransport(policy),
            timeout=TIMEOUT,
            trust_env=False,
            # All runs share this client: a cookie that one is given must not be sent for another
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )
        self._tokens = Tokens(self.send)

    async def send(
        self,
        request: httpx.Request,
        *,
        largest: int,
        policy: Json = None,
        follow: bool = False,
        private: tuple[str, ...] = (),
        shown: str = "",
    ) -> Reply:
        """Return the reply to a request, or to the last one it was redirected to.

        Args:
            request: what is sent.
            largest: bytes that the body may have.
            policy: the authentication, by its scheme; it is not sent to another origin.
            follow: whether redirects are followed.
            private: names of headers that are not sent to another origin either.
            shown: the request in the message of an error.

        Raises:
            ActivityError: the standard communication or configuration error; an authentication error when there is
                no token to be had.
        """
        first, auth = request.url, auth_of(policy, self._tokens)
        with translated(shown or f"{request.method} {request.url}"):
            for _ in range(MOST_REDIRECTS + 1):
                if request.url.scheme not in ("http", "https") or not request.url.host:
                    raise httpx.UnsupportedProtocol(f"{str(request.url)!r} is no URL of HTTP")
                if not _is_same_origin(first, request.url):
                    auth = None
                    for name in private:
                        request.headers.pop(name, None)
                response = await self._sent(request, auth)
                try:
                    if not follow or response.next_request is None:
                        return Reply(response, await _read(response, largest))
                finally:
                    await response.aclose()
                request = response.next_request
        raise failed(500, f"{shown or first}: more than {MOST_REDIRECTS} redirects")

    async def _sent(self, request: httpx.Request, auth: httpx.Auth | None) -> httpx.Response:
        """Return the response once the authentication is done with it; those before are not read.

        httpx would read all of a response that asks for authentication, however long it is.
        """
        flow = (auth or httpx.Auth()).async_auth_flow(request)
        try:
            request = await anext(flow)
            while True:
                response = await self._client.send(request, auth=None, follow_redirects=False, stream=True)
                try:
                    request = await flow.asend(response)
                except StopAsyncIteration:
                    return response
                await response.aclose()
        finally:
            await flow.aclose()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


@contextmanager
def translated(shown: str) -> Iterator[None]:
    """Raise what httpx raises as the standard errors."""
    try:
        yield
    except ForbiddenAddressError as error:
        raise misconfigured(str(error)) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, TypeError, ValueError) as error:
        raise misconfigured(f"the request cannot be made: {error}") from error
    except httpx.HTTPError as error:
        raise failed(500, f"{shown}: {error or type(error).__name__}", retryable=True) from error


def _is_same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


async def _read(response: httpx.Response, largest: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > largest:
            raise failed(500, f"the response has more than {largest} bytes")
    return bytes(body)
