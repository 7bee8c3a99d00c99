"""Agents and their instances over the API, in process, on a real database."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.agent.v1.io_pb2 import AgentId
from ai.stigmer.agentic.agentinstance.v1 import io_pb2 as instance_pb2
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceReference, UpdateVisibilityInput

from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.agent.v1.AgentCommandController"
QUERY = "ai.stigmer.agentic.agent.v1.AgentQueryController"
INSTANCE_COMMAND = "ai.stigmer.agentic.agentinstance.v1.AgentInstanceCommandController"
INSTANCE_QUERY = "ai.stigmer.agentic.agentinstance.v1.AgentInstanceQueryController"


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path) as opened:
        yield opened


def agent(name="reviewer", **metadata):
    one = Agent(api_version="agentic.stigmer.ai/v1", kind="Agent")
    one.metadata.name, one.metadata.org = name, "local"
    one.metadata.labels.update(metadata)
    one.spec.instructions = "Answer briefly and kindly."
    return one


async def code_of(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code()


async def test_creating_an_agent_gives_it_everything_the_server_owns(api):
    """Id, slug, default visibility, audit and the default instance; what the client says of status is dropped."""
    asked = agent("My Agent #1 (Test)")
    asked.status.default_instance_id = "ain_mine"

    made = await api.call(COMMAND, "create", asked)

    assert made.metadata.slug == "my-agent-1-test"
    assert made.metadata.id.startswith("agt_")
    assert made.status.audit.spec_audit.event == "created"
    instances = await api.call(
        INSTANCE_QUERY, "getByAgent", instance_pb2.GetAgentInstancesByAgentRequest(agent_id=made.metadata.id)
    )
    assert [one.metadata.id for one in instances.items] == [made.status.default_instance_id]


async def test_an_update_replaces_the_spec_and_keeps_identity(api):
    """Id, slug, organization, visibility and status stay; a label of before is gone."""
    made = await api.call(COMMAND, "create", agent(team="a"))
    changed = agent()
    changed.metadata.visibility = 1
    changed.spec.description = "new"

    updated = await api.call(COMMAND, "update", changed)

    assert updated.metadata.id == made.metadata.id
    assert updated.metadata.visibility == made.metadata.visibility
    assert dict(updated.metadata.labels) == {}
    assert updated.status.default_instance_id == made.status.default_instance_id
    assert updated.status.audit.spec_audit.created_at == made.status.audit.spec_audit.created_at


async def test_of_two_concurrent_creates_of_one_slug_one_wins(api):
    """Check and write are one transaction: the other one is told whose slug it is."""
    results = await asyncio.gather(*(api.call(COMMAND, "create", agent()) for _ in range(20)), return_exceptions=True)

    made = [one for one in results if isinstance(one, Agent)]
    refused = {one.code() for one in results if not isinstance(one, Agent)}
    assert len(made) == 1
    assert refused == {grpc.StatusCode.ALREADY_EXISTS}


async def test_concurrent_applies_of_one_slug_all_succeed_on_one_resource(api):
    """Whoever comes second updates."""
    results = await asyncio.gather(*(api.call(COMMAND, "apply", agent()) for _ in range(20)))

    assert len({one.metadata.id for one in results}) == 1


async def test_deleting_an_agent_takes_its_instances_and_frees_the_slug(api):
    """No orphan stays to collide with the next agent of that name."""
    made = await api.call(COMMAND, "create", agent())

    deleted = await api.call(COMMAND, "delete", AgentId(value=made.metadata.id))

    assert deleted.spec == made.spec
    gone = api.call(INSTANCE_QUERY, "get", instance_pb2.AgentInstanceId(value=made.status.default_instance_id))
    assert await code_of(gone) == grpc.StatusCode.NOT_FOUND
    await api.call(COMMAND, "create", agent())


async def test_a_default_instance_goes_only_with_its_agent(api):
    """Deleting it alone is refused."""
    made = await api.call(COMMAND, "create", agent())

    alone = api.call(INSTANCE_COMMAND, "delete", instance_pb2.AgentInstanceId(value=made.status.default_instance_id))

    assert await code_of(alone) == grpc.StatusCode.FAILED_PRECONDITION


async def test_a_missing_reference_is_named_and_nothing_is_written(api):
    """The organization is completed before the look-up."""
    asked = agent()
    asked.spec.skill_refs.add(kind=43, slug="nowhere")

    with pytest.raises(grpc.aio.AioRpcError, match=r"referenced skill\(s\) not found: 'nowhere' \(org: local\)"):
        await api.call(COMMAND, "create", asked)

    reference = ApiResourceReference(org="local", kind=40, slug="reviewer")
    assert await code_of(api.call(QUERY, "getByReference", reference)) == grpc.StatusCode.NOT_FOUND


REFERENCES = {
    "of another kind": (ApiResourceReference(org="local", kind=43, slug="reviewer"), grpc.StatusCode.INVALID_ARGUMENT),
    "without org": (ApiResourceReference(kind=40, slug="reviewer"), grpc.StatusCode.INVALID_ARGUMENT),
    "unknown": (ApiResourceReference(org="local", kind=40, slug="nobody"), grpc.StatusCode.NOT_FOUND),
    "in another org": (ApiResourceReference(org="other", kind=40, slug="reviewer"), grpc.StatusCode.NOT_FOUND),
}


@pytest.mark.parametrize(("reference", "code"), REFERENCES.values(), ids=REFERENCES)
async def test_a_wrong_reference_has_its_code(api, reference, code):
    """As the API's table of codes says."""
    await api.call(COMMAND, "create", agent())

    assert await code_of(api.call(QUERY, "getByReference", reference)) == code


async def test_visibility_changes_only_through_its_own_rpc(api):
    """An unknown id beats a bad level; the change is stamped on the status."""
    made = await api.call(COMMAND, "create", agent())
    retired = UpdateVisibilityInput(resource_id="agt_none", visibility=2)

    private = await api.call(
        COMMAND, "updateVisibility", UpdateVisibilityInput(resource_id=made.metadata.id, visibility=1)
    )

    assert private.metadata.visibility == 1
    assert private.status.audit.status_audit.event == "updated"
    assert private.status.audit.spec_audit.event == "created"
    assert await code_of(api.call(COMMAND, "updateVisibility", retired)) == grpc.StatusCode.NOT_FOUND


async def test_instances_are_listed_by_every_label(api):
    """Two labels narrow further than one; the count is that of all pages."""
    await api.call(COMMAND, "create", agent())
    request = instance_pb2.ListAgentInstancesRequest(org="local", labels={"a": "1", "b": "2"})

    listed = await api.call(INSTANCE_QUERY, "list", request)
    everything = await api.call(INSTANCE_QUERY, "list", instance_pb2.ListAgentInstancesRequest(org="local"))

    assert (listed.total_count, everything.total_count) == (0, 1)
