"""The activity `http`: one request, from the arguments of a `call: http` task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.activities.addresses import AddressPolicy
from stigmer_plugin_workflow_runner.activities.failures import failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from stigmer_core.program import ActivityContext, Json
    from stigmer_plugin_workflow_runner.activities.client import HttpClient

LARGEST = 10 * 1024 * 1024  # bytes of a response, uncompressed


class HttpActivity:
    """Sends requests over one pool of connections, which opens with the first.

    Args:
        allow: hosts and networks (CIDR) that may be reached although they are private or loopback.
        transport: what carries requests instead of the network, for tests.
    """

    def __init__(self, *, allow: Sequence[str] = (), transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._policy = AddressPolicy(allow)
        self._transport = transport
        self._client: HttpClient | None = None

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Send the request and return its response, as `content`, `response` or `raw`.

        Raises:
            ActivityError: the standard communication error, with the response's status when there is one; the
                standard configuration error for a request that cannot be made.
        """
        from stigmer_plugin_workflow_runner.activities.client import translated  # noqa: PLC0415 - as in _opened
        from stigmer_plugin_workflow_runner.activities.requests import request_of, shown_uri  # noqa: PLC0415
        from stigmer_plugin_workflow_runner.activities.responses import output_of  # noqa: PLC0415

        with translated(arguments["method"]):
            request = request_of(arguments, context)
        reply = await self._opened().send(
            request,
            largest=LARGEST,
            policy=arguments.get("authentication"),
            follow=bool(arguments.get("redirect")),
            private=tuple(arguments.get("secret", ())),
            shown=f"{request.method} {shown_uri(request.url, arguments)}",
        )
        return output_of(arguments, reply)

    async def fetch(self, endpoint: Json, *, largest: int) -> tuple[str, bytes]:
        """Return where an endpoint's resource came from in the end, without credentials, and its bytes.

        Raises:
            ActivityError: as for a call.
        """
        import httpx  # noqa: PLC0415 - as in _opened

        from stigmer_plugin_workflow_runner.activities.client import translated  # noqa: PLC0415
        from stigmer_plugin_workflow_runner.activities.requests import shown_uri  # noqa: PLC0415

        with translated("GET"):
            request = httpx.Request("GET", endpoint["uri"])
        shown = f"GET {shown_uri(_public(request.url), endpoint)}"
        policy = endpoint.get("authentication")
        reply = await self._opened().send(request, largest=largest, policy=policy, follow=True, shown=shown)
        if not reply.response.is_success:
            status = reply.response.status_code
            raise failed(status, f"{shown}: {status}", retryable=status >= 500)  # noqa: PLR2004
        return str(_public(reply.response.url)), reply.body

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _opened(self) -> HttpClient:
        if self._client is None:
            # httpx takes 100 ms to import, and most processes never call
            from stigmer_plugin_workflow_runner.activities.client import HttpClient  # noqa: PLC0415

            self._client = HttpClient(self._policy, self._transport)
        return self._client


def _public(url: httpx.URL) -> httpx.URL:
    return url.copy_with(username="", password="")
