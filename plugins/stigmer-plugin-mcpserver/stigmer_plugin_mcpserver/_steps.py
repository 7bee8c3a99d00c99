"""What makes an MCP server special: everything it is reached with is declared, and every list names a thing once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ai.stigmer.agentic.mcpserver.v1 import status_pb2

from stigmer_core.errors import Problem
from stigmer_plugin_mcpserver._variables import NAME, declared, placeholders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stigmer_core import Change, Draft

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, "token"
_OWN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "mcp-protocol-version",
        "mcp-session-id",
        "transfer-encoding",
    }
)


def check_server(draft: Draft) -> Sequence[Problem]:
    """Return what is wrong with a server: undeclared placeholders, addresses and names it cannot have, duplicates."""
    spec = draft.resource.spec
    tools = [policy.tool_name for policy in spec.pinned_tool_approvals]
    return [
        *_names(spec.env),
        *_stdio(spec.stdio if spec.HasField("stdio") else None),
        *_http(spec.http if spec.HasField("http") else None),
        *_undeclared(spec),
        *_twice("/spec/default_enabled_tools/{}", spec.default_enabled_tools),
        *_twice("/spec/pinned_tool_approvals/{}/tool_name", tools),
    ]


def mark_valid(change: Change) -> None:
    """Say in the status that the spec can be used: one that cannot is not stored."""
    change.new.status.validation_state = status_pb2.valid
    change.new.status.validation_message = ""


def _names(env: Iterable[str]) -> Iterator[Problem]:
    for name in sorted(env):
        if not NAME.fullmatch(name):
            hint = "letters, digits and underscores, no digit first"
            yield Problem(f"/spec/env/{_escaped(name)}", f"{name!r} cannot be a variable's name", hint)


def _stdio(stdio: Any) -> Iterator[Problem]:
    if stdio is None:
        return
    places = {"command": stdio.command, "working_dir": stdio.working_dir}
    places |= {f"args/{index}": argument for index, argument in enumerate(stdio.args)}
    for place, text in places.items():
        if "\0" in text:
            yield Problem(f"/spec/stdio/{place}", "has a NUL character")


def _http(http: Any) -> Iterator[Problem]:
    if http is None:
        return
    scheme = urlsplit(http.url).scheme.lower()
    if scheme not in {"http", "https"}:
        yield Problem("/spec/http/url", f"cannot be reached by {scheme or 'no scheme'}", "use https:// or http://")
    for name, value in sorted(http.headers.items()):
        pointer = f"/spec/http/headers/{_escaped(name)}"
        if not _HEADER_NAME.fullmatch(name):
            yield Problem(pointer, f"{name!r} cannot be a header's name")
        elif name.lower() in _OWN_HEADERS:
            yield Problem(pointer, f"{name} is set by the connection itself")
        if not value.isprintable():
            yield Problem(pointer, "has a line break or control character")


def _undeclared(spec: Any) -> Iterator[Problem]:
    known = declared(spec)
    places = [(f"/spec/stdio/args/{index}", text) for index, text in enumerate(spec.stdio.args)]
    for field in ("headers", "query_params"):
        texts = sorted(getattr(spec.http, field).items())
        places += [(f"/spec/http/{field}/{_escaped(name)}", text) for name, text in texts]
    for pointer, text in places:
        for name in placeholders(text):
            if name not in known:
                yield Problem(pointer, f"${{{name}}} is not declared", f"add {name} to spec.env")


def _twice(pointer: str, tools: Iterable[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, tool in enumerate(tools):
        if tool in seen:
            yield Problem(pointer.format(index), f"tool {tool!r} is there twice")
        seen.add(tool)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
