"""Requests of `call: http`, from the arguments of its activity."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

from stigmer_plugin_workflow_runner.activities.authentication import text_of
from stigmer_plugin_workflow_runner.activities.failures import misconfigured
from stigmer_plugin_workflow_runner.program.secrets import HIDDEN

if TYPE_CHECKING:
    from stigmer_core.program import ActivityContext, Json

_SAFE = ("GET", "HEAD", "OPTIONS")
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"


def request_of(arguments: Json, context: ActivityContext) -> httpx.Request:
    """Return the request.

    Raises:
        ActivityError: the standard configuration error: there can be no such request.
        httpx.InvalidURL: the URI is none.
        ValueError: the same, and other values that HTTP does not have.
    """
    method, headers = arguments["method"], _headers(arguments)
    if method not in _SAFE:
        headers.setdefault("Idempotency-Key", _visible(f"{context.run_id}{context.command_key}"))
    url = httpx.URL(arguments["uri"])
    if query := _listed(arguments.get("query") or {}):
        url = url.copy_with(params=url.params.merge(query))
    if url.userinfo:
        pair = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
        headers.setdefault("Authorization", f"Basic {pair}")
        url = url.copy_with(username="", password="")
    body = arguments.get("body")
    if body is None:
        return httpx.Request(method, url, headers=headers)
    return _with_body(method, url, headers, body)


def shown_uri(url: httpx.URL, arguments: Json) -> str:
    """Return a request's URI as outputs and errors may show it: without secrets."""
    if "shown" in arguments:
        return str(arguments["shown"])
    for name in set(arguments.get("secret", ())) & set(url.params):
        url = url.copy_set_param(name, HIDDEN)
    return str(url)


def _headers(arguments: Json) -> httpx.Headers:
    headers = [(name, value) for name, values in _listed(arguments.get("headers") or {}).items() for value in values]
    for name, value in headers:
        if any(character in "\r\n\0" for character in name + value):
            raise misconfigured(f"the header {name!r} has more than one line")
    return httpx.Headers(headers)


def _listed(values: dict[str, Any]) -> dict[str, list[str]]:
    """Return the texts of each value: several for a list, none for null."""
    listed = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    texts = {name: [text_of(item) for item in items if item is not None] for name, items in listed.items()}
    return {name: items for name, items in texts.items() if items}


def _with_body(method: str, url: httpx.URL, headers: httpx.Headers, body: Json) -> httpx.Request:
    """Return a request with a body: text as it is, anything else as the form its type says, or as JSON."""
    kind, _, parameters = headers.get("Content-Type", "").partition(";")
    kind = kind.strip().lower()
    if isinstance(body, str):
        headers.setdefault("Content-Type", "text/plain; charset=utf-8")
        return httpx.Request(method, url, headers=headers, content=body.encode(_charset(parameters)))
    if isinstance(body, dict) and kind == _FORM:
        return httpx.Request(method, url, headers=headers, content=urlencode(_listed(body), doseq=True).encode())
    if isinstance(body, dict) and kind == _MULTIPART:
        del headers["Content-Type"]  # it comes with the boundary
        fields = [(name, (None, item)) for name, items in _listed(body).items() for item in items]
        return httpx.Request(method, url, headers=headers, files=fields)
    return httpx.Request(method, url, headers=headers, json=body)


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            try:
                "".encode(value.strip().strip('"'))
            except LookupError as error:
                raise misconfigured(f"the charset of the body is not known: {value!r}") from error
            return value.strip().strip('"')
    return "utf-8"


def _visible(key: str) -> str:
    """Return a key as a header's value: visible ASCII."""
    return json.dumps(key)[1:-1]
