"""The activity `http`: one request, from the arguments of a `call: http` task."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from stigmer_core.program import ActivityContext, ActivityError, Failure
from stigmer_plugin_workflow_runner.activities.addresses import AddressPolicy, ForbiddenAddressError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from stigmer_core.program import Json

COMMUNICATION = "https://serverlessworkflow.io/spec/1.0.0/errors/communication"
CONFIGURATION = "https://serverlessworkflow.io/spec/1.0.0/errors/configuration"
LARGEST = 10 * 1024 * 1024  # bytes of a response, uncompressed
MOST_REDIRECTS = 5
TIMEOUT = 60.0  # seconds without progress; how long a task may take is the document's affair
_SAFE = ("GET", "HEAD", "OPTIONS")
_RETRYABLE = {408, 425, 429, 500, 502, 503, 504}


class HttpActivity:
    """Sends requests over one pool of connections, which opens with the first.

    Args:
        allow: hosts and networks (CIDR) that may be reached although they are private or loopback.
        transport: what carries requests instead of the network, for tests.
    """

    def __init__(self, *, allow: Sequence[str] = (), transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._policy = AddressPolicy(allow)
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Send the request and return its response, as `content`, `response` or `raw`.

        Raises:
            ActivityError: the standard communication error, with the response's status when there is one.
        """
        import httpx  # noqa: PLC0415 - takes 100 ms, and most processes never call

        client = self._opened()
        try:
            request = self._request(client, arguments, context)
            follow = bool(arguments.get("redirect"))
            response = await client.send(request, auth=_auth(arguments), follow_redirects=follow, stream=True)
            try:
                body = await _read(response)
            finally:
                await response.aclose()
        except ForbiddenAddressError as error:
            raise _failed(400, str(error), kind=CONFIGURATION) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, TypeError, ValueError) as error:
            raise _failed(400, f"the request cannot be made: {error}", kind=CONFIGURATION) from error
        except httpx.HTTPError as error:
            detail = f"{arguments['method']} {arguments['uri']}: {error or type(error).__name__}"
            raise _failed(500, detail, retryable=True) from error
        return _result(arguments, response, body)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx  # noqa: PLC0415

            from stigmer_plugin_workflow_runner.activities.transport import CheckedTransport  # noqa: PLC0415

            self._client = httpx.AsyncClient(
                transport=self._transport or CheckedTransport(self._policy),
                timeout=TIMEOUT,
                max_redirects=MOST_REDIRECTS,
                trust_env=False,
            )
        return self._client

    def _request(self, client: httpx.AsyncClient, arguments: Json, context: ActivityContext) -> httpx.Request:
        method = arguments["method"]
        headers = {name: _text(value) for name, value in (arguments.get("headers") or {}).items()}
        if method not in _SAFE and not any(name.lower() == "idempotency-key" for name in headers):
            headers["Idempotency-Key"] = _token(f"{context.run_id}{context.command_key}")
        url = client.build_request(method, arguments["uri"]).url
        if query := arguments.get("query"):
            url = url.copy_merge_params({name: _text(value) for name, value in query.items()})
        body = arguments.get("body")
        content = body.encode() if isinstance(body, str) else None
        as_json = body if body is not None and content is None else None
        return client.build_request(method, url, headers=headers, content=content, json=as_json)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _token(key: str) -> str:
    """Return a key as a header's value: visible ASCII."""
    return json.dumps(key)[1:-1]


def _auth(arguments: Json) -> Callable[[httpx.Request], httpx.Request] | None:
    policy = arguments.get("authentication") or {}
    if "basic" in policy:
        pair = f"{policy['basic']['username']}:{policy['basic']['password']}"
        return _authorization(f"Basic {base64.b64encode(pair.encode()).decode()}")
    if "bearer" in policy:
        return _authorization(f"Bearer {policy['bearer']['token']}")
    return None


def _authorization(value: str) -> Callable[[httpx.Request], httpx.Request]:
    def add(request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = value
        return request

    return add


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST:
            raise _failed(500, f"the response has more than {LARGEST} bytes")
    return bytes(body)


def _result(arguments: Json, response: httpx.Response, body: bytes) -> Json:
    limit = 400 if arguments.get("redirect") else 300
    if not 200 <= response.status_code < limit:  # noqa: PLR2004 - what counts as success
        detail = f"{arguments['method']} {response.url}: {response.status_code} {response.reason_phrase}"
        raise _failed(response.status_code, detail, retryable=response.status_code in _RETRYABLE)
    if arguments.get("output") == "raw":
        return base64.b64encode(body).decode()
    content = _content(response, body)
    if arguments.get("output") != "response":
        return content
    sent = response.request
    return {
        "request": {"method": sent.method, "uri": str(sent.url), "headers": _shown(sent.headers)},
        "statusCode": response.status_code,
        "headers": _shown(response.headers),
        "content": content,
    }


def _shown(headers: httpx.Headers) -> dict[str, str]:
    """Return headers for the run's data, which must not hold credentials."""
    hidden = ("authorization", "proxy-authorization", "cookie", "set-cookie")
    return {name: value for name, value in headers.items() if name not in hidden}


def _content(response: httpx.Response, body: bytes) -> Any:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not body:
        return None
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return json.loads(body)
        except ValueError as error:
            raise _failed(500, f"the response is not the JSON it says it is: {error}") from error
    try:
        return body.decode(response.charset_encoding or "utf-8")
    except (UnicodeDecodeError, LookupError):
        return base64.b64encode(body).decode()


def _failed(status: int, detail: str, *, kind: str = COMMUNICATION, retryable: bool = False) -> ActivityError:
    title = "Communication Error" if kind == COMMUNICATION else "Configuration Error"
    return ActivityError(Failure(kind, title, status, detail, retryable=retryable))
