"""What a server offers, in the messages of the API, within what one resource may hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.mcpserver.v1 import status_pb2
from ai.stigmer.agentic.mcpserver.v1.api_pb2 import McpServer
from ai.stigmer.agentic.mcpserver.v1.spec_pb2 import ToolApprovalPolicy
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from stigmer_plugin_mcpserver._failure import ConnectFailure, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stigmer_plugin_mcpserver._discovery import Listing
    from stigmer_plugin_mcpserver._variables import Variables

MAX_BYTES = 1024 * 1024
MAX_NAME_CHARACTERS = 128  # MCP, "Tool Names"
_ASKED = "The server says that this tool can change or delete things. Run it?"


@dataclass(frozen=True, slots=True)
class Offer:
    """What is stored of an attempt that succeeded; `warnings` are what was odd."""

    capabilities: status_pb2.DiscoveredCapabilities
    approvals: Sequence[ToolApprovalPolicy]
    warnings: Sequence[str]


def offer_of(listing: Listing, variables: Variables) -> Offer:
    """Return what a server offers.

    Raises:
        ConnectFailure: it is too large, has a schema that cannot be stored, or has a secret of the caller's in it.
    """
    warnings: list[str] = []
    tools = list(_distinct(listing.tools, warnings))
    size = sum(len(_json(tool)) + len(tool.description or "") for tool in tools)
    capabilities = status_pb2.DiscoveredCapabilities()
    if size <= MAX_BYTES:
        _describe(capabilities, tools, listing.templates)
        size = capabilities.ByteSize()
    if size > MAX_BYTES:
        raise ConnectFailure(Reason.TOO_LARGE, f"what it offers takes {size} bytes, at most {MAX_BYTES} are kept")
    _require_storable(capabilities, variables)
    approvals = [
        ToolApprovalPolicy(tool_name=tool.name, message=_ASKED, from_destructive_hint=True)
        for tool in tools
        if tool.annotations and tool.annotations.destructive_hint and not tool.annotations.read_only_hint
    ]
    if variables.unused:
        warnings.append(f"values for {', '.join(variables.unused)} were not used: the server does not declare them")
    return Offer(capabilities, approvals, warnings)


def _describe(capabilities: status_pb2.DiscoveredCapabilities, tools: Iterable[Any], templates: Iterable[Any]) -> None:
    try:
        for tool in tools:
            described = capabilities.tools.add(name=tool.name, description=tool.description or "")
            json_format.ParseDict(tool.input_schema, described.input_schema)
        for template in templates:
            capabilities.resource_templates.add(
                uri_template=template.uri_template,
                name=template.name,
                description=template.description or "",
                mime_type=template.mime_type or "",
            )
    except (json_format.ParseError, ValueError, TypeError, RecursionError):
        raise ConnectFailure(Reason.PROTOCOL, "it describes something with JSON that cannot be stored") from None


def _distinct(tools: Iterable[Any], warnings: list[str]) -> Iterator[Any]:
    """Yield the tools that can be called by their name; the first one of a name counts."""
    seen: set[str] = set()
    unusable = 0
    twice: set[str] = set()
    for tool in tools:
        if not 0 < len(tool.name) <= MAX_NAME_CHARACTERS or not tool.name.isprintable():
            unusable += 1
        elif tool.name in seen:
            twice.add(tool.name)
        else:
            seen.add(tool.name)
            yield tool
    if twice:
        warnings.append(f"tools that it offers twice, of which the first counts: {', '.join(sorted(twice))}")
    if unusable:
        warnings.append(f"{unusable} tools have a name that is empty, too long or not printable, and are left out")


def _json(tool: Any) -> str:
    try:
        return json.dumps(tool.input_schema, allow_nan=False)
    except (ValueError, RecursionError):
        text = f"the schema of tool {tool.name[:MAX_NAME_CHARACTERS]!r} is no JSON that can be stored"
        raise ConnectFailure(Reason.PROTOCOL, text) from None


def _require_storable(capabilities: status_pb2.DiscoveredCapabilities, variables: Variables) -> None:
    """Check that the resource could be read again, and gives nothing away.

    A Struct takes three levels for each of JSON, and no protobuf runtime reads more than 100.
    """
    body = McpServer(status=status_pb2.McpServerStatus(discovered_capabilities=capabilities)).SerializeToString()
    try:
        McpServer.FromString(body)
    except DecodeError:
        raise ConnectFailure(Reason.PROTOCOL, "a tool's schema is nested too deep to be stored") from None
    if name := variables.leaked(body):
        text = f"its answer has the value of {name} in it, so nothing of it is kept"
        raise ConnectFailure(Reason.SECRET_ANSWERED, text)
