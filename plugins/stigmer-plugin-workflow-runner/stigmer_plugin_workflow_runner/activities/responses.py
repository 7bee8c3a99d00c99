"""What `call: http` puts out of a response."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.activities.failures import failed
from stigmer_plugin_workflow_runner.activities.requests import shown_uri

if TYPE_CHECKING:
    import httpx

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.activities.client import Reply

_RETRYABLE = {408, 425, 429, 500, 502, 503, 504}
_HIDDEN = ("authorization", "proxy-authorization", "cookie", "set-cookie")


def output_of(arguments: Json, reply: Reply) -> Json:
    """Return the content, all of the response, or its bytes in base64, as `output` says.

    Raises:
        ActivityError: the standard communication error, with the response's status: it is none of success. A
            redirect that was not followed is one only where `redirect` is true.
    """
    response, body = reply.response, reply.body
    limit = 400 if arguments.get("redirect") else 300
    if not 200 <= response.status_code < limit:  # noqa: PLR2004 - what counts as success
        shown = shown_uri(response.url, arguments)
        detail = f"{arguments['method']} {shown}: {response.status_code} {response.reason_phrase}"
        raise failed(response.status_code, detail, retryable=response.status_code in _RETRYABLE)
    if arguments.get("output") == "raw":
        return base64.b64encode(body).decode()
    content = _content(response, body)
    if arguments.get("output") != "response":
        return content
    sent, secret = response.request, arguments.get("secret", ())
    return {
        "request": {
            "method": sent.method,
            "uri": shown_uri(sent.url, arguments),
            "headers": _shown(sent.headers, *secret),
        },
        "statusCode": response.status_code,
        "headers": _shown(response.headers),
        "content": content,
    }


def _shown(headers: httpx.Headers, *secret: str) -> dict[str, str]:
    """Return headers for the run's data, which must not hold credentials."""
    hidden = {*_HIDDEN, *(name.lower() for name in secret)}
    return {name: value for name, value in headers.items() if name not in hidden}


def _content(response: httpx.Response, body: bytes) -> Json:
    """Return the value of JSON, the text of a text, base64 of anything else, None where there is nothing."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not body:
        return None
    if kind.endswith(("/json", "+json")):
        try:
            return json.loads(body, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise failed(500, f"the response is not the JSON it says it is: {error}") from error
    try:
        return body.decode(response.charset_encoding or "utf-8")
    except (UnicodeDecodeError, LookupError):
        return base64.b64encode(body).decode()


def _no_number(name: str) -> Json:
    raise ValueError(f"{name} is no value of JSON")
