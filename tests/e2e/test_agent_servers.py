"""Agents and the MCP servers they use: declared variables and the tools that a server is known to have."""

from __future__ import annotations

import grpc
import pytest
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.mcpserver.v1.api_pb2 import McpServer

from stigmer_core.api.v1 import resources_pb2 as documents
from stigmer_core.testing.installation import installation

AGENT = "ai.stigmer.agentic.agent.v1.AgentCommandController"
SERVER = "ai.stigmer.agentic.mcpserver.v1.McpServerCommandController"
RESOURCES = "stigmer.core.v1.ResourceService"


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path / "home") as api:
        yield api


async def server(api, *tools, discovered=True):
    """Store an MCP server as it is after a connection that found these tools."""
    made = McpServer(api_version="agentic.stigmer.ai/v1", kind="McpServer")
    made.metadata.name, made.metadata.org, made.spec.stdio.command = "docs", "local", "docs-server"
    made.spec.env["TOKEN"].is_secret = True
    made.spec.env["REGION"].description = "of the server"
    made = await api.call(SERVER, "create", made)
    kind = api.app.resources.kind("McpServer")

    def discover(tx):
        stored = api.app.resources.get_in(tx, kind, made.metadata.id)
        for tool in tools:
            stored.status.discovered_capabilities.tools.add(name=tool)
        stored.status.discovered_capabilities.last_discovered_at.GetCurrentTime()
        return api.app.resources.save_in(tx, kind, stored, slot=None)

    return await api.app.store.run(discover) if discovered else made


def agent(*tools):
    made = Agent(api_version="agentic.stigmer.ai/v1", kind="Agent")
    made.metadata.name, made.metadata.org, made.spec.instructions = "reader", "local", "read the documents"
    usage = made.spec.mcp_server_usages.add(enabled_tools=tools)
    usage.mcp_server_ref.kind, usage.mcp_server_ref.slug = 44, "docs"
    return made


async def test_what_its_servers_need_is_declared_by_the_agent(api):
    """The agent's own declaration of a variable counts more."""
    await server(api, "search")
    asked = agent("search")
    asked.spec.env["REGION"].description = "of the agent"

    made = await api.call(AGENT, "create", asked)

    assert made.spec.env["TOKEN"].is_secret
    assert made.spec.env["REGION"].description == "of the agent"


async def test_a_tool_that_a_server_does_not_have_is_refused(api):
    """INVALID_ARGUMENT names it and what there is."""
    await server(api, "search", "read")

    with pytest.raises(grpc.aio.AioRpcError, match=r"no tool .write..*read, search") as caught:
        await api.call(AGENT, "create", agent("search", "write"))

    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_any_tool_of_a_server_that_was_never_connected_is_taken(api):
    """Nobody knows what it offers."""
    await server(api, discovered=False)

    assert (await api.call(AGENT, "create", agent("whatever"))).metadata.slug == "reader"


async def test_applying_the_same_manifest_again_changes_nothing(api):
    """Although the server has added what the manifest does not say."""
    await server(api, "search")
    manifest = (
        '{"apiVersion":"agentic.stigmer.ai/v1","kind":"Agent","metadata":{"name":"reader"},"spec":{"instructions":'
        '"read the documents","mcpServerUsages":[{"mcpServerRef":{"kind":"mcp_server","slug":"docs"}}]}}'
    )
    request = documents.ApplyRequest(json=manifest)

    first = await api.call(RESOURCES, "Apply", request)
    second = await api.call(RESOURCES, "Apply", request)

    assert (first.action, second.action) == (documents.CREATED, documents.UNCHANGED)
