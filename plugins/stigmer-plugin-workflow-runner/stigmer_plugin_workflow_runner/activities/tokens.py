"""Tokens of OAuth2 and OpenID Connect, kept in memory until they expire.

Source: RFC 6749, RFC 7523, RFC 8693, OpenID Connect Discovery 1.0.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

import httpx

from stigmer_plugin_workflow_runner.activities.failures import AUTHENTICATION, failed
from stigmer_plugin_workflow_runner.activities.grants import issuer_of, token_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_core.program import ActivityError
    from stigmer_plugin_workflow_runner.activities.client import Reply

KEPT = 256  # tokens
LARGEST = 1024 * 1024  # bytes of what an authority answers
_MARGIN = 30.0  # seconds before its end from which a token is no longer used; a tenth of a short life
_SERVER_ERROR = 500


class Send(Protocol):
    """What sends a request."""

    async def __call__(self, request: httpx.Request, *, largest: int, follow: bool = False) -> Reply:
        """Return the reply."""


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str
    until: float


class Tokens:
    """Issued tokens, by policy and credentials: whoever has other credentials gets another token.

    Args:
        send: sends a request.
        clock: seconds that only go up.
    """

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        self._send, self._clock = send, clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, scheme: str, values: dict[str, Any], *, refused: str = "") -> tuple[str, bool]:
        """Return a token, and whether it is new.

        Args:
            scheme: `oauth2` or `oidc`.
            values: the policy's.
            refused: a token that is not good any more.

        Raises:
            ActivityError: the standard authentication error when the authority refuses, the communication error when
                it does not answer, the configuration error when it cannot be asked.
        """
        text = json.dumps([scheme, values], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:  # many calls at once ask for one token
            kept = self._kept.get(key)
            if kept is not None and kept.token != refused and self._clock() < kept.until:
                return kept.token, False
            asked = self._clock()
            token, lifetime = await self._issued(scheme, values)
            self._kept.pop(key, None)
            if lifetime > 0:
                self._kept[key] = _Kept(token, asked + lifetime - min(_MARGIN, lifetime / 10))
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return token, True

    async def _issued(self, scheme: str, values: dict[str, Any]) -> tuple[str, float]:
        authority = str(values["authority"]).rstrip("/")
        if scheme == "oidc":
            found = await self._asked(httpx.Request("GET", f"{authority}/.well-known/openid-configuration"))
            endpoint, issuer = str(found.get("token_endpoint", "")), found.get("issuer")
        else:
            path = (values.get("endpoints") or {}).get("token") or "/oauth2/token"
            endpoint, issuer = f"{authority}/{str(path).lstrip('/')}", None
        answer = await self._asked(token_request(endpoint, values))
        token = answer.get("access_token")
        if not isinstance(token, str) or not token or str(answer.get("token_type", "bearer")).lower() != "bearer":
            raise _refused(f"{endpoint} issued no bearer token")
        issuers = values.get("issuers") or []
        if issuers and issuer_of(token, issuer) not in issuers:
            raise _refused(f"the token of {endpoint} is of another issuer than {', '.join(map(str, issuers))}")
        return token, _seconds(answer.get("expires_in"))

    async def _asked(self, request: httpx.Request) -> dict[str, Any]:
        reply = await self._send(request, largest=LARGEST)
        status = reply.response.status_code
        answer = _object(reply.body)
        shown = f"{request.method} {request.url.copy_with(username='', password='')}"
        if status >= _SERVER_ERROR:
            raise failed(status, f"{shown}: {status}", retryable=True)
        if not reply.response.is_success or not answer:
            reason = answer.get("error") or "no answer of an authority"
            raise _refused(f"{shown}: {status} {reason}")
        return answer


def _refused(detail: str) -> ActivityError:
    return failed(401, detail, kind=AUTHENTICATION)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(value: object) -> float:
    """Return how long a token may be kept: not at all when the authority does not say."""
    try:
        return min(float(str(value)), 86_400.0)
    except ValueError:
        return 0.0
