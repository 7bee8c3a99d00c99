"""MCP servers as bundles declare them, and as the kind McpServer has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HTTP = ("http", "streamable-http", "streamable_http", "streamableHttp")
_IN_ARCHIVE = re.compile(r"\$\{\w*PLUGIN_(?:ROOT|DATA)\}|^\./")
_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_]\w*)(:-[^}]*)?\}")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|AUTH|CREDENTIAL", re.IGNORECASE)
_LONGEST_HINT = 100


def server_spec(settings: Any, description: str) -> dict[str, Any]:
    """Return the spec of an McpServer from an entry under `mcpServers`.

    Variables of its environment become declarations: their values come from an environment of whoever runs it.

    Raises:
        InvalidArgumentError: it needs files of the archive, another transport, or is malformed.
    """
    if not isinstance(settings, dict):
        raise InvalidArgumentError("its settings must be a JSON object")
    transport = settings.get("type") or settings.get("transport") or ("stdio" if "command" in settings else "http")
    if transport == "stdio":
        place = {"stdio": _stdio(settings)}
    elif transport in _HTTP:
        place = {"http": _http(settings)}
    else:
        raise InvalidArgumentError(f"its transport {transport!r} is not supported: stdio and streamable-http are")
    return {"description": description, **_plain(place), "env": _declarations(settings, place)}


def _stdio(settings: Mapping[str, Any]) -> dict[str, Any]:
    arguments = settings.get("args", [])
    if not isinstance(arguments, list):
        raise InvalidArgumentError("its args must be a list")
    texts = [_text(settings, "command"), *map(str, arguments), _text(settings, "cwd")]
    if any(_IN_ARCHIVE.search(text) for text in [*texts, *_texts(settings, "env").values()]):
        raise InvalidArgumentError("it starts from files of the archive, which are not unpacked where servers run")
    return {"command": texts[0], "args": texts[1:-1], "working_dir": texts[-1]}


def _http(settings: Mapping[str, Any]) -> dict[str, Any]:
    headers = _texts(settings, "headers") | _texts(settings, "http_headers")
    token = _text(settings, "bearer_token_env_var")
    if token:
        headers["Authorization"] = f"Bearer ${{{token}}}"
    named = {key: f"${{{value}}}" for key, value in _texts(settings, "env_http_headers").items()}
    return {"url": _text(settings, "url"), "headers": headers | named}


def _declarations(settings: Mapping[str, Any], place: Any) -> dict[str, Any]:
    declared: dict[str, Any] = {}
    for name, default in _VARIABLE.findall("\n".join(_strings(place))):
        declared[name] = _declaration(f"${{{name}{default}}}", secret=True, optional=bool(default))
    for name, value in _texts(settings, "env").items():
        match = _VARIABLE.fullmatch(value)
        secret = match is not None or _SECRET.search(name) is not None
        optional = bool(match[2]) if match else bool(value) and not secret
        declared[name] = _declaration(value if match or not secret else "", secret=secret, optional=optional)
    return declared


def _declaration(value: str, *, secret: bool, optional: bool) -> dict[str, Any]:
    hint = f"the bundle sets {value}" if 0 < len(value) <= _LONGEST_HINT else ""
    return {"isSecret": secret, "optional": optional, "description": hint}


def literal_variables(settings: Any) -> list[str]:
    """Return the variables for which a bundle brings a value of its own, which is not kept."""
    values = _texts(settings, "env")
    return sorted(name for name, value in values.items() if value and not _VARIABLE.fullmatch(value))


def _plain(place: Any) -> Any:
    """Return settings with every variable written as `${NAME}`, as McpServer has them."""
    if isinstance(place, dict):
        return {key: _plain(value) for key, value in place.items()}
    if isinstance(place, list):
        return [_plain(value) for value in place]
    return _VARIABLE.sub(r"${\1}", place)


def _strings(place: Any) -> list[str]:
    if isinstance(place, dict):
        return [text for value in place.values() for text in _strings(value)]
    if isinstance(place, list):
        return [text for value in place for text in _strings(value)]
    return [place]


def _text(settings: Mapping[str, Any], name: str) -> str:
    value = settings.get(name, "")
    if not isinstance(value, str):
        raise InvalidArgumentError(f"its {name} must be a string")
    return value


def _texts(settings: Mapping[str, Any], name: str) -> dict[str, str]:
    value = settings.get(name, {})
    if not isinstance(value, dict):
        raise InvalidArgumentError(f"its {name} must be a JSON object")
    return {str(key): str(one) for key, one in value.items()}
