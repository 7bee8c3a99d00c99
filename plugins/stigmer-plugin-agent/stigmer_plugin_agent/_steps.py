"""What makes agents and their instances special."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.errors import InvalidArgumentError, Problem
from stigmer_core.resources import DefaultInstances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core import Change, Draft

_SHOWN = 10
INSTANCES = DefaultInstances("Agent", "AgentInstance", "agent_id")


def check_agent(draft: Draft) -> Sequence[Problem]:
    """Return what is wrong with an agent's sub-agents: their names are unique, their tools are the agent's."""
    spec = draft.resource.spec
    servers = {usage.mcp_server_ref.slug for usage in spec.mcp_server_usages}
    problems: list[Problem] = []
    seen: set[str] = set()
    for index, sub_agent in enumerate(spec.sub_agents):
        at = f"/spec/sub_agents/{index}"
        if sub_agent.name in seen:
            problems.append(Problem(f"{at}/name", f"sub-agent {sub_agent.name!r} is there twice"))
        seen.add(sub_agent.name)
        problems += [
            Problem(f"{at}/mcp_access/{place}/mcp_server", f"the agent does not use MCP server {access.mcp_server!r}")
            for place, access in enumerate(sub_agent.mcp_access)
            if access.mcp_server not in servers
        ]
    return problems


def use_servers(change: Change) -> None:
    """Check the tools that an agent asks its MCP servers for, and declare what these need (a `before_write` step).

    A server that was never connected offers nobody knows what, so any tool may be named. The agent's own declaration
    of a variable counts more than a server's.

    Raises:
        InvalidArgumentError: a server has been connected, and has no such tool.
    """
    kind: Any = change.resources.kinds.get("McpServer")
    if kind is None:
        return
    problems: list[Problem] = []
    for index, usage in enumerate(change.new.spec.mcp_server_usages):
        reference = usage.mcp_server_ref
        server = change.resources.find_in(change.tx, kind, reference.org, reference.slug)
        if server is None:
            continue
        problems += _unknown_tools(usage, server, f"/spec/mcp_server_usages/{index}/enabled_tools")
        for name, declaration in server.spec.env.items():
            if name not in change.new.spec.env:
                change.new.spec.env[name].CopyFrom(declaration)
    if problems:
        raise InvalidArgumentError("; ".join(map(str, problems)), problems=problems)


def _unknown_tools(usage: Any, server: Any, at: str) -> list[Problem]:
    found = server.status.discovered_capabilities
    offered = {tool.name for tool in found.tools}
    if not found.HasField("last_discovered_at"):
        return []
    return [
        Problem(f"{at}/{place}", f"MCP server {server.metadata.slug!r} has no tool {tool!r}", _offer(offered))
        for place, tool in enumerate(usage.enabled_tools)
        if tool not in offered
    ]


def _offer(tools: set[str]) -> str:
    names = sorted(tools)
    more = ", ..." if len(names) > _SHOWN else ""
    return f"it has {', '.join(names[:_SHOWN])}{more}" if names else "it has none"
