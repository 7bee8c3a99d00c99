"""One conversation with an MCP server: shake hands, list what it offers, leave."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import anyio
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, METHOD_NOT_FOUND, PARSE_ERROR, Implementation, PaginatedRequestParams
from pydantic import ValidationError

from stigmer_plugin_mcpserver._failure import ConnectFailure, Reason
from stigmer_plugin_mcpserver._http import HttpServer
from stigmer_plugin_mcpserver._process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from mcp.client import Transport
    from mcp_types import ResourceTemplate, Tool

    from stigmer_plugin_mcpserver._variables import Variables

MAX_TOOLS = 500
MAX_TEMPLATES = 500
MAX_PAGES = 100
_SHOWN_CHARACTERS = 300

# The SDK logs what servers send, tracebacks and all; they may send back what they were given.
for _name in ("mcp.client", "mcp.shared"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class Reach(Protocol):
    """A way to a server: a process or an address."""

    def streams(self) -> Transport:
        """Return the transport that the SDK's client enters."""

    def trouble(self) -> ConnectFailure | None:
        """Return what went wrong below the protocol, or None."""

    def evidence(self) -> str:
        """Return what else is known, to add to a message."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a server said that it offers, as it said it."""

    tools: list[Tool] = field(default_factory=list)
    templates: list[ResourceTemplate] = field(default_factory=list)


def reach(spec: Any, variables: Variables) -> Reach:
    """Return the way to the server of a spec.

    Raises:
        ConnectFailure: a variable's value cannot be used where it stands.
    """
    return ServerProcess(spec.stdio, variables) if spec.HasField("stdio") else HttpServer(spec.http, variables)


async def discover(spec: Any, variables: Variables, *, deadline: timedelta) -> Listing:
    """Connect to a server, list what it offers, and leave no connection and no process behind.

    Raises:
        ConnectFailure: says what it stumbled over.
    """
    way = reach(spec, variables)
    try:
        with anyio.fail_after(deadline.total_seconds()):
            return await _conversation(way)
    except ConnectFailure as failure:
        raise way.trouble() or failure from None
    except TimeoutError:
        text = f"no answer within {deadline.total_seconds():g} s{way.evidence()}"
        raise way.trouble() or ConnectFailure(Reason.DEADLINE, text) from None
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises: its text may hold values
        raise way.trouble() or _failure(error, way, variables) from None


async def _conversation(way: Reach) -> Listing:
    from importlib.metadata import version  # noqa: PLC0415 - asked for once a connection

    client_info = Implementation(name="stigmer", version=version("stigmer-plugin-mcpserver"))
    async with Client(way.streams(), cache=None, client_info=client_info) as client:
        session = client.session
        tools = await _pages(session.list_tools, "tools", MAX_TOOLS)
        templates: list[ResourceTemplate] = []
        if client.server_capabilities.resources is not None:
            templates = await _pages(session.list_resource_templates, "resource_templates", MAX_TEMPLATES)
        return Listing(tools, templates)


async def _pages(ask: Callable[..., Awaitable[Any]], what: str, most: int) -> list[Any]:
    """Return every page's entries; a server that does not know the question has none."""
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        try:
            page = await ask(params=PaginatedRequestParams(cursor=cursor))
        except MCPError as error:
            if error.code == METHOD_NOT_FOUND and cursor is None:
                return []
            raise
        found += getattr(page, what)
        cursor = page.next_cursor
        if len(found) > most:
            raise ConnectFailure(Reason.TOO_LARGE, f"it offers more than {most} {what.replace('_', ' ')}")
        if not cursor:
            return found
    raise ConnectFailure(Reason.PROTOCOL, f"its list of {what.replace('_', ' ')} has more than {MAX_PAGES} pages")


def _failure(error: BaseException, way: Reach, variables: Variables) -> ConnectFailure:
    """Return a failure for what came out of the SDK, in words of ours."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case ConnectFailure():
            return error
        case MCPError(code=code) if code == CONNECTION_CLOSED:
            text = f"the server closed the connection{way.evidence()}"
        case MCPError(code=code) if code == PARSE_ERROR:
            text = "the server's answer is no JSON-RPC message"
        case MCPError():
            said = "".join(c for c in variables.hide(error.message) if c.isprintable())
            text = f"the server answered with error {error.code}: {said[:_SHOWN_CHARACTERS]}"
        case ValidationError():
            text = "the server's answer does not have the form that MCP asks for"
        case _:
            text = f"the conversation broke: {type(error).__name__}{way.evidence()}"
    return ConnectFailure(Reason.PROTOCOL, text)
