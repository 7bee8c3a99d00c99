"""Who calls, for protocols that are more than one request of HTTP: the policies of `call: http`, as headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from stigmer_plugin_workflow_runner.activities.authentication import auth_of
from stigmer_plugin_workflow_runner.activities.client import HttpClient
from stigmer_plugin_workflow_runner.activities.failures import misconfigured
from stigmer_plugin_workflow_runner.activities.tokens import Tokens

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.activities.addresses import AddressPolicy

_UNAUTHORIZED = 401


class Callers:
    """Makes what authenticates calls; tokens are kept.

    Args:
        policy: which addresses may be reached, authorities among them.
        transport: what carries requests instead of the network, for tests.
    """

    def __init__(self, policy: AddressPolicy, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = HttpClient(policy, transport)
        self._tokens = Tokens(self._client.send)

    def auth(self, policy: Json) -> httpx.Auth | None:
        """Return what authenticates requests of HTTP; None for no policy.

        Raises:
            ActivityError: the standard configuration error: a value is missing.
        """
        return auth_of(policy, self._tokens)

    def caller(self, policy: Json) -> Caller:
        """Return who makes one call.

        Raises:
            ActivityError: as `auth`.
        """
        return Caller(self.auth(policy))

    async def close(self) -> None:
        """Close the connections to authorities."""
        await self._client.close()


class Caller:
    """Who makes one call: the headers for it, and others for when they are refused."""

    def __init__(self, auth: httpx.Auth | None) -> None:
        self._request = httpx.Request("POST", "https://call.invalid")
        self._flow = None if auth is None else auth.async_auth_flow(self._request)

    async def headers(self) -> dict[str, str]:
        """Return the headers.

        Raises:
            ActivityError: there is no token to be had, or the scheme is one of HTTP alone.
        """
        if self._flow is None:
            return {}
        request = await anext(self._flow)
        if "authorization" not in request.headers:
            raise misconfigured("digest authentication is a conversation over HTTP, which this call has not")
        return {"authorization": request.headers["authorization"]}

    async def renewed(self) -> dict[str, str] | None:
        """Return the headers for a second try, None when there are no others."""
        if self._flow is None:
            return None
        try:
            request = await self._flow.asend(httpx.Response(_UNAUTHORIZED, request=self._request))
        except StopAsyncIteration:
            return None
        return {"authorization": request.headers["authorization"]}
