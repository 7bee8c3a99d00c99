"""How a request is authenticated, by the policy of a call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from stigmer_plugin_workflow_runner.activities.failures import misconfigured

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.activities.tokens import Tokens

_UNAUTHORIZED = 401
_NEEDED = {
    "basic": ("username", "password"),
    "bearer": ("token",),
    "digest": ("username", "password"),
    "oauth2": ("authority", "grant"),
    "oidc": ("authority", "grant"),
}


def auth_of(policy: Json, tokens: Tokens) -> httpx.Auth | None:
    """Return what authenticates a request; None for no policy.

    Args:
        policy: `{scheme: its values}`; where a secret has the values, they are seen for the first time here.
        tokens: where the tokens of OAuth2 come from.

    Raises:
        ActivityError: the standard configuration error: a value is missing.
    """
    if not policy:
        return None
    scheme, values = next(iter(policy.items()))
    if scheme == "bearer" and isinstance(values, str):  # a secret without parts
        values = {"token": values}
    missing = [key for key in _NEEDED[scheme] if not isinstance(values, dict) or values.get(key) is None]
    if missing:
        raise misconfigured(f"{scheme} authentication lacks {' and '.join(map(repr, missing))}")
    match scheme:
        case "basic":
            return httpx.BasicAuth(text_of(values["username"]), text_of(values["password"]))
        case "digest":
            return httpx.DigestAuth(text_of(values["username"]), text_of(values["password"]))
        case "bearer":
            return _Bearer(text_of(values["token"]))
        case _:
            return _Issued(tokens, scheme, values)


def text_of(value: Json) -> str:
    """Return a value as text: a user may write a password of digits without quotes."""
    return value if isinstance(value, str) else json.dumps(value)


class _Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class _Issued(httpx.Auth):
    """A token that an authority issues; one that was kept and is refused is replaced once."""

    def __init__(self, tokens: Tokens, scheme: str, values: dict[str, Any]) -> None:
        self._tokens, self._scheme, self._values = tokens, scheme, values

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        token, is_new = await self._tokens.get(self._scheme, self._values)
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == _UNAUTHORIZED and not is_new:
            token, _ = await self._tokens.get(self._scheme, self._values, refused=token)
            request.headers["Authorization"] = f"Bearer {token}"
            yield request
