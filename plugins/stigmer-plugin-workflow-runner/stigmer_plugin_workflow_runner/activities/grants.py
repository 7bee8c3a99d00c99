"""Requests for tokens: the grants of OAuth2, and how the client proves who it is.

Source: RFC 6749, RFC 7521 (assertions), RFC 8693 (token exchange).
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import httpx

from stigmer_plugin_workflow_runner.activities.authentication import text_of
from stigmer_plugin_workflow_runner.activities.failures import misconfigured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.program import Json

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM = "application/x-www-form-urlencoded"


def token_request(endpoint: str, values: dict[str, Any]) -> httpx.Request:
    """Return the request for a token.

    Raises:
        ActivityError: the standard configuration error: a value is missing, or the grant is not supported.
    """
    fields = _grant(values)
    headers = {"Accept": "application/json"}
    client = values.get("client") or {}
    method = client.get("authentication") or "client_secret_post"
    if method == "client_secret_basic":
        pair = ":".join(quote(text_of(_part(client, key, "client")), safe="") for key in ("id", "secret"))
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        fields |= _client(client, method)
    for key, name, joined in (("scopes", "scope", True), ("audiences", "audience", False)):
        if listed := _texts(values.get(key)):
            fields[name] = " ".join(listed) if joined else listed if len(listed) > 1 else listed[0]
    if (values.get("request") or {}).get("encoding", _FORM) == _FORM:
        headers["Content-Type"] = _FORM
        return httpx.Request("POST", endpoint, headers=headers, content=urlencode(fields, doseq=True).encode())
    return httpx.Request("POST", endpoint, headers=headers, json=fields)


def issuer_of(token: str, otherwise: Json) -> Json:
    """Return who issued a token, as a JWT says it; it came from the authority itself, so no signature is checked."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        return otherwise
    try:
        claims = json.loads(base64.urlsafe_b64decode(f"{parts[1]}==="))
    except (ValueError, RecursionError):
        return otherwise
    return claims.get("iss", otherwise) if isinstance(claims, dict) else otherwise


def _grant(values: dict[str, Any]) -> dict[str, Any]:
    grant = values["grant"]
    fields: dict[str, Any] = {"grant_type": grant}
    match grant:
        case "client_credentials":
            _part(values, "client", "policy")
        case "password":
            fields |= {key: text_of(_part(values, key, "policy")) for key in ("username", "password")}
        case _ if grant == EXCHANGE:
            _part(values, "subject", "policy")
            for role in ("subject", "actor"):
                if party := values.get(role):
                    fields[f"{role}_token"] = text_of(_part(party, "token", role))
                    fields[f"{role}_token_type"] = text_of(_part(party, "type", role))
        case _:
            raise misconfigured(f"the grant {grant!r} is not supported by this version")
    return fields


def _client(client: dict[str, Any], method: str) -> dict[str, str]:
    """Return the fields with which a client proves who it is."""
    fields = {"client_id": text_of(client["id"])} if client.get("id") is not None else {}
    match method:
        case "client_secret_post":
            secret = client.get("secret")
            return fields if secret is None else {**fields, "client_secret": text_of(secret)}
        case "client_secret_jwt" | "private_key_jwt":
            assertion = text_of(_part(client, "assertion", "client"))
            return {**fields, "client_assertion_type": _ASSERTION, "client_assertion": assertion}
        case "none":
            return fields
    raise misconfigured(f"clients are not authenticated by {method!r} in this version")


def _part(owner: dict[str, Any], key: str, name: str) -> Json:
    if owner.get(key) is None:
        raise misconfigured(f"the {name} of the OAuth2 authentication has no {key!r}")
    return owner[key]


def _texts(value: Json) -> Sequence[str]:
    """Return a list of texts; an expression may make one text with spaces of it."""
    return value.split() if isinstance(value, str) else [text_of(item) for item in value or ()]
