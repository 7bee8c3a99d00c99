"""What makes agents and their instances special."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_core.errors import Problem
from stigmer_core.resources import DefaultInstances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core import Draft

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
