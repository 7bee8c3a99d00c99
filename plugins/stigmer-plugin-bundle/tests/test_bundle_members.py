"""Members of a bundle change with it only."""

from __future__ import annotations

import grpc
import pytest
from ai.stigmer.agentic.agent.v1.io_pb2 import AgentId
from ai.stigmer.agentic.plugin.v1 import io_pb2
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceReference, UpdateVisibilityInput
from google.protobuf import json_format

from stigmer_core.api.v1 import resources_pb2

COMMAND = "ai.stigmer.agentic.plugin.v1.PluginCommandController"
AGENT = "ai.stigmer.agentic.agent.v1.Agent{}Controller"
RESOURCES = "stigmer.core.v1.ResourceService"


@pytest.fixture
async def member(api, tools):
    """Return the agent of a bundle that has been pushed."""
    await api.call(COMMAND, "push", io_pb2.PushPluginRequest(org="local", artifact=tools()))
    reference = ApiResourceReference(org="local", kind=40, slug="helper")
    return await api.call(AGENT.format("Query"), "getByReference", reference)


def changed(member):
    member.spec.instructions = "Help nobody, and never kindly."
    return member


def asked(member, how):
    """Return service, RPC and request of a way to change a member by itself."""
    command, visible = AGENT.format("Command"), UpdateVisibilityInput(resource_id=member.metadata.id, visibility=1)
    ways = {
        "update": (command, "update", changed(member)),
        "apply": (command, "apply", changed(member)),
        "updateVisibility": (command, "updateVisibility", visible),
        "delete": (command, "delete", AgentId(value=member.metadata.id)),
        "a document": (
            RESOURCES,
            "Apply",
            resources_pb2.ApplyRequest(json=json_format.MessageToJson(changed(member))),
        ),
        "deleting a document": (RESOURCES, "Delete", resources_pb2.DeleteRequest(kind="Agent", name="helper")),
    }
    return ways[how]


@pytest.mark.parametrize("how", ["update", "apply", "updateVisibility", "delete", "a document", "deleting a document"])
async def test_a_member_is_not_changed_by_itself(api, member, how):
    """FAILED_PRECONDITION names the bundle, and nothing changes."""
    before = type(member)()
    before.CopyFrom(member)

    with pytest.raises(grpc.aio.AioRpcError, match="bundle 'tools'") as caught:
        await api.call(*asked(member, how))

    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert await api.call(AGENT.format("Query"), "get", AgentId(value=before.metadata.id)) == before
