"""Authentication policies of calls: inline, named in `use.authentications`, or with their values in a secret.

Only what a policy is made of is checked here; what it does is the affair of `activities.authentication`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.templates import constant, escaped, expression_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler
    from stigmer_plugin_workflow_runner.program.templates import Template

_OAUTH2 = ("client", "request", "issuers", "scopes", "audiences", "username", "password", "subject", "actor")
_REQUIRED = {
    "basic": ("username", "password"),
    "bearer": ("token",),
    "digest": ("username", "password"),
    "oauth2": ("authority", "grant"),
    "oidc": ("authority", "grant"),
}
_OPTIONAL = {"oauth2": (*_OAUTH2, "endpoints"), "oidc": _OAUTH2}
_PARTS = {
    "client": ("id", "secret", "assertion", "authentication"),
    "request": ("encoding",),
    "endpoints": ("token", "revocation", "introspection"),
    "subject": ("token", "type"),
    "actor": ("token", "type"),
}
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_NEEDED = {"client_credentials": ("client",), "password": ("username", "password"), _EXCHANGE: ("subject",)}
_CLIENTS = ("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none")
_ENCODINGS = ("application/x-www-form-urlencoded", "application/json")


def compile_authentication(compiler: Compiler, policy: Json, pointer: str, visible: frozenset[str]) -> Template:
    """Return the template of a policy: `{scheme: its values}`, or None where there is none."""
    if isinstance(policy, dict) and isinstance(policy.get("use"), str):
        name = policy["use"]
        compiler.keys(policy, ("use",), pointer)
        policy = compiler.named("authentications", name, f"{pointer}/use")
        pointer = f"/use/authentications/{escaped(name)}"
    if policy is None or policy == {}:
        return constant(None)
    scheme = next(iter(policy)) if isinstance(policy, dict) and len(policy) == 1 else ""
    if scheme not in _REQUIRED:
        message = f"unknown authentication {scheme!r}" if scheme else "a policy has one scheme of authentication"
        compiler.problem(pointer, message, ", ".join(_REQUIRED))
        return constant(None)
    return _values(compiler, policy[scheme], scheme, pointer, visible)


def _values(compiler: Compiler, values: Json, scheme: str, pointer: str, visible: frozenset[str]) -> Template:
    where = f"{pointer}/{scheme}"
    if isinstance(values, dict) and "use" in values:
        compiler.keys(values, ("use",), where)
        found = _named(compiler, values["use"], scheme)
        if isinstance(found, str):
            return compiler.value({scheme: found}, where, visible)
        if found is None:
            compiler.problem(f"{where}/use", f"'use.secrets' has no {values['use']!r}", "declare it there")
            return constant(None)
        values = found
    if not isinstance(values, dict):
        compiler.problem(where, f"{scheme} authentication is an object")
        return constant(None)
    missing = [key for key in _REQUIRED[scheme] if values.get(key) is None]
    if missing:
        compiler.problem(where, f"{scheme} authentication has {' and '.join(map(repr, _REQUIRED[scheme]))}")
    compiler.keys(values, (*_REQUIRED[scheme], *_OPTIONAL.get(scheme, ())), where)
    if scheme in _OPTIONAL:
        _check_grant(compiler, values, where)
    return compiler.value({scheme: values}, pointer, visible)


def _named(compiler: Compiler, name: Json, scheme: str) -> Json:
    """Return the expression of a secret, or the values of a reusable policy of the same scheme, or None."""
    use = compiler.definition.get("use")
    use = use if isinstance(use, dict) else {}
    secrets, policies = use.get("secrets"), use.get("authentications")
    if isinstance(secrets, list) and name in secrets:
        return f"${{ $secrets[{json.dumps(name)}] }}"
    policy = policies.get(name) if isinstance(policies, dict) and isinstance(name, str) else None
    values = policy.get(scheme) if isinstance(policy, dict) else None
    return values if isinstance(values, dict) and "use" not in values else None


def _check_grant(compiler: Compiler, values: dict[str, Any], where: str) -> None:
    """Note what is known to be wrong with an OAuth2 policy before it runs; expressions show it when they do."""
    for part, known in _PARTS.items():
        compiler.keys(compiler.section(values, part, where), known, f"{where}/{part}")
    grant = values.get("grant")
    _check_choice(compiler, grant, tuple(_NEEDED), f"{where}/grant")
    for key in _NEEDED.get(grant, ()) if isinstance(grant, str) else ():
        if values.get(key) is None:
            compiler.problem(where, f"the grant {grant!r} needs {key!r}")
    client, request = compiler.section(values, "client", where), compiler.section(values, "request", where)
    _check_choice(compiler, client.get("authentication"), _CLIENTS, f"{where}/client/authentication")
    _check_choice(compiler, request.get("encoding"), _ENCODINGS, f"{where}/request/encoding")
    for key in ("scopes", "audiences", "issuers"):
        if not isinstance(values.get(key, []), list) and not _is_expression(values[key]):
            compiler.problem(f"{where}/{key}", f"expected a list of {key}")


def _check_choice(compiler: Compiler, value: Json, known: Sequence[str], pointer: str) -> None:
    if value is not None and value not in known and not _is_expression(value):
        compiler.problem(pointer, f"{value!r} is not supported by this version", ", ".join(known))


def _is_expression(value: Json) -> bool:
    return isinstance(value, str) and expression_text(value) is not None
