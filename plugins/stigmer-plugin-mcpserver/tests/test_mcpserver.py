"""MCP servers over the API, in process, on a real database."""

from __future__ import annotations

import grpc
import pytest
from ai.stigmer.agentic.mcpserver.v1 import io_pb2, status_pb2
from ai.stigmer.agentic.mcpserver.v1.api_pb2 import McpServer
from ai.stigmer.commons.apiresource.io_pb2 import (
    ApiResourceDeleteInput,
    ApiResourceId,
    ApiResourceReference,
    UpdateVisibilityInput,
)


async def refusal(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code(), caught.value.details()


async def test_a_new_server_has_what_the_platform_owns(servers):
    """Id, slug, default visibility and validity; what the client says of status is dropped."""
    asked = servers.http("https://tracker.example/mcp", name="Issue Tracker")
    asked.status.connect_status.phase = status_pb2.connect_phase_succeeded

    made = await servers.call("create", asked)

    assert made.metadata.id.startswith("mcp_")
    assert (made.metadata.slug, made.metadata.visibility) == ("issue-tracker", 3)
    assert made.status.validation_state == status_pb2.valid
    assert not made.status.HasField("connect_status")
    assert await servers.call("get", ApiResourceId(value=made.metadata.id)) == made


async def test_an_update_replaces_the_spec_and_keeps_what_was_discovered(servers):
    """A server that was connected to is still known by its tools when its description changes."""
    connected = await servers.connect(servers.stdio("offering"))
    changed = servers.stdio("offering")
    changed.spec.description = "Issues of the team."

    updated = await servers.call("update", changed)

    assert updated.spec.description == "Issues of the team."
    assert updated.status.discovered_capabilities == connected.status.discovered_capabilities


async def test_apply_creates_and_then_updates(servers):
    """Applying twice makes one server."""
    first = await servers.call("apply", servers.http("https://a.example/mcp"))
    second = await servers.call("apply", servers.http("https://b.example/mcp"))

    assert first.metadata.id == second.metadata.id
    assert second.spec.http.url == "https://b.example/mcp"


async def test_a_slug_that_is_taken_is_refused(servers):
    """The one that has it is named."""
    made = await servers.call("create", servers.http("https://a.example/mcp"))

    code, text = await refusal(servers.call("create", servers.http("https://b.example/mcp")))

    assert code == grpc.StatusCode.ALREADY_EXISTS
    assert made.metadata.id in text


async def test_a_deleted_server_is_gone(servers):
    """The answer is its last state; a reference does not find it any more."""
    made = await servers.call("create", servers.http("https://a.example/mcp"))
    reference = ApiResourceReference(org="local", kind=44, slug="tracker")
    assert await servers.call("getByReference", reference) == made

    deleted = await servers.call("delete", ApiResourceDeleteInput(resource_id=made.metadata.id))

    assert deleted == made
    assert (await refusal(servers.call("getByReference", reference)))[0] == grpc.StatusCode.NOT_FOUND


async def test_everybody_may_see_a_server(servers):
    """Private, organization and platform are its levels."""
    made = await servers.call("create", servers.http("https://a.example/mcp"))

    for level in (1, 4, 3):
        asked = UpdateVisibilityInput(resource_id=made.metadata.id, visibility=level)
        assert (await servers.call("updateVisibility", asked)).metadata.visibility == level


MISSING = {
    "get": ApiResourceId(value="mcp_none"),
    "getByReference": ApiResourceReference(org="local", kind=44, slug="nowhere"),
    "delete": ApiResourceDeleteInput(resource_id="mcp_none"),
    "updateVisibility": UpdateVisibilityInput(resource_id="mcp_none", visibility=1),
    "connect": io_pb2.ConnectInput(mcp_server_id="mcp_none", org="local"),
    "startConnect": io_pb2.ConnectInput(mcp_server_id="mcp_none", org="local"),
}


@pytest.mark.parametrize(("rpc", "request_message"), MISSING.items(), ids=MISSING)
async def test_a_server_that_is_not_there_is_not_found(servers, rpc, request_message):
    """Every RPC that names one says which it looked for."""
    code, text = await refusal(servers.call(rpc, request_message))

    assert code == grpc.StatusCode.NOT_FOUND
    assert text.startswith("MCP Server not found: ")


async def test_updating_a_server_that_is_not_there_is_not_found(servers):
    """An update never creates."""
    code, _ = await refusal(servers.call("update", servers.http("https://a.example/mcp")))

    assert code == grpc.StatusCode.NOT_FOUND


WRONG = {
    "neither program nor address": ({}, "server_type"),
    "another scheme": ({"http": {"url": "ftp://a.example/mcp"}}, "/spec/http/url"),
    "undeclared in an argument": ({"stdio": {"command": "x", "args": ["a", "--t=${TOKEN}"]}}, "/spec/stdio/args/1"),
    "undeclared in a header": (
        {"http": {"url": "https://a.example", "headers": {"x/y": "a"}, "query_params": {}}},
        "/spec/http/headers/x~1y",
    ),
    "undeclared in a query": (
        {"http": {"url": "https://a.example", "query_params": {"key": "${TOKEN}"}}},
        "/spec/http/query_params/key",
    ),
    "header of the protocol": (
        {"http": {"url": "https://a.example", "headers": {"Mcp-Session-Id": "1"}}},
        "/spec/http/headers/Mcp-Session-Id",
    ),
    "header of two lines": (
        {"http": {"url": "https://a.example", "headers": {"a": "b\nc: d"}}},
        "/spec/http/headers/a",
    ),
    "no variable's name": ({"stdio": {"command": "x"}, "env": {"A-B": {}}}, "/spec/env/A-B"),
    "a NUL": ({"stdio": {"command": "x\0"}}, "/spec/stdio/command"),
    "a tool twice": (
        {"stdio": {"command": "x"}, "default_enabled_tools": ["a", "b", "a"]},
        "/spec/default_enabled_tools/2",
    ),
    "an approval twice": (
        {"stdio": {"command": "x"}, "pinned_tool_approvals": [{"tool_name": "a"}, {"tool_name": "a"}]},
        "/spec/pinned_tool_approvals/1/tool_name",
    ),
}


@pytest.mark.parametrize(("spec", "place"), WRONG.values(), ids=WRONG)
async def test_a_wrong_spec_is_refused_at_its_place(servers, spec, place):
    """The problem points at what is wrong; nothing is stored."""
    metadata = {"name": "tracker", "org": "local"}
    asked = McpServer(api_version="agentic.stigmer.ai/v1", kind="McpServer", metadata=metadata, spec=spec)

    code, text = await refusal(servers.call("create", asked))

    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert place in text


async def test_the_variable_of_oauth_counts_as_declared(servers):
    """Where OAuth would put the token, a header may name it."""
    asked = servers.http("https://a.example/mcp", Authorization="Bearer ${TOKEN}")
    asked.spec.auth.target_env_var = "TOKEN"

    assert (await servers.call("create", asked)).spec.auth.target_env_var == "TOKEN"


OAUTH = {
    "initiateOAuthConnect": io_pb2.InitiateOAuthConnectInput(mcp_server_id="mcp_1", org="local"),
    "completeOAuthConnect": io_pb2.CompleteOAuthConnectInput(mcp_server_id="mcp_1", authorization_code="c", state="s"),
    "disconnectOAuth": io_pb2.DisconnectOAuthInput(resource_id="mcp_1", org="local"),
    "setOrgOAuthApp": io_pb2.SetOrgOAuthAppInput(resource_id="mcp_1", org="local", client_id="c", client_secret="s"),
    "deleteOrgOAuthApp": io_pb2.DeleteOrgOAuthAppInput(resource_id="mcp_1", org="local"),
    "getOAuthGrantStatus": io_pb2.GetOAuthGrantStatusInput(resource_id="mcp_1", org="local"),
    "getOrgOAuthApp": io_pb2.GetOrgOAuthAppInput(resource_id="mcp_1", org="local"),
}


@pytest.mark.parametrize(("rpc", "request_message"), OAUTH.items(), ids=OAUTH)
async def test_oauth_says_what_to_use_instead(servers, rpc, request_message):
    """No RPC of OAuth is served; the answer is a sentence that helps."""
    code, text = await refusal(servers.call(rpc, request_message))

    assert code == grpc.StatusCode.UNIMPLEMENTED
    assert "cloud edition" in text
    assert "spec.env" in text
