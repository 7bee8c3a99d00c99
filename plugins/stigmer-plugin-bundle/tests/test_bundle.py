"""Pushing bundles over the API, in process, on a real database."""

from __future__ import annotations

import grpc
import pytest
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.plugin.v1 import io_pb2, status_pb2
from ai.stigmer.agentic.skill.v1.api_pb2 import Skill
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceReference, UpdateVisibilityInput
from google.protobuf import json_format

from stigmer_core.api.v1 import resources_pb2
from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.plugin.v1.PluginCommandController"
QUERY = "ai.stigmer.agentic.plugin.v1.PluginQueryController"
SKILL = "ai.stigmer.agentic.skill.v1.Skill{}Controller"
AGENT = "ai.stigmer.agentic.agent.v1.Agent{}Controller"
RESOURCES = "stigmer.core.v1.ResourceService"
CODE = grpc.StatusCode


async def push(api, artifact, **fields):
    return await api.call(COMMAND, "push", io_pb2.PushPluginRequest(**{"org": "local", **fields}, artifact=artifact))


async def members(api, bundle):
    listed = await api.call(QUERY, "listMembers", io_pb2.PluginId(value=bundle.metadata.id))
    return [(one.kind, one.slug) for one in listed.members]


async def found(api, service, kind, slug, **fields):
    reference = ApiResourceReference(org="local", kind=kind, slug=slug, **fields)
    return await api.call(service.format("Query"), "getByReference", reference)


def applied(resource):
    return resources_pb2.ApplyRequest(json=json_format.MessageToJson(resource))


async def code_of(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code()


async def test_a_push_makes_the_bundle_and_its_members(api, tools):
    """With what the manifest says, the digest, and labels that say whose the members are."""
    bundle = await push(api, tools("review", "plan"), message="first")

    assert (bundle.metadata.slug, bundle.spec.version, bundle.metadata.id[:4]) == ("tools", "1.0.0", "plg_")
    assert bundle.status.state == status_pb2.PLUGIN_STATE_READY
    assert bundle.status.materialized == status_pb2.PluginMaterialization(skills=2, agents=1)
    assert list(bundle.status.warnings) == []
    assert await members(api, bundle) == [(43, "plan"), (43, "review"), (40, "helper")]
    skill = await found(api, SKILL, 43, "review")
    assert dict(skill.metadata.labels) == {"stigmer.ai/plugin": "tools", "stigmer.ai/plugin-version": "1.0.0"}
    assert (await api.call(QUERY, "get", io_pb2.PluginId(value=bundle.metadata.id))) == bundle


async def test_an_agent_uses_the_skills_of_its_bundle(api, tools):
    """It says nothing of its tools, so it may use all, and it has a default instance as any agent."""
    await push(api, tools("review", "plan"))

    agent = await found(api, AGENT, 40, "helper")

    assert [(one.org, one.slug) for one in agent.spec.skill_refs] == [("local", "plan"), ("local", "review")]
    assert agent.spec.instructions == "Help whoever asks, kindly."
    assert agent.status.default_instance_id


async def test_the_same_bytes_again_write_nothing(api, tools):
    """No version, no update of the bundle or of a member."""
    first = await push(api, tools())
    before = api.app.store.read(lambda reader: reader.revision())

    again = await push(api, tools(), message="again")

    assert again == first
    assert api.app.store.read(lambda reader: reader.revision()) == before


async def test_a_new_push_updates_adds_and_deletes_members(api, tools):
    """Members keep their ids; what the archive has no more is gone."""
    first = await push(api, tools("review", "plan"))
    kept = await found(api, SKILL, 43, "review")

    second = await push(api, tools("review", "write", version="2.0.0", agents=()))

    assert second.metadata.id == first.metadata.id
    assert second.metadata.version.previous_version_id == first.status.digest
    assert await members(api, second) == [(43, "review"), (43, "write")]
    skill = await found(api, SKILL, 43, "review")
    assert skill.metadata.id == kept.metadata.id
    assert skill.metadata.labels["stigmer.ai/plugin-version"] == "2.0.0"
    assert await code_of(found(api, AGENT, 40, "helper")) == CODE.NOT_FOUND


async def test_a_slug_that_is_taken_is_named_and_nothing_is_written(api, tools, skill_md):
    """A skill of somebody else is not overwritten by a bundle that happens to have one of that name."""
    own = Skill(api_version="agentic.stigmer.ai/v1", kind="Skill")
    own.metadata.name, own.metadata.org, own.spec.skill_md = "review", "local", skill_md("review", "Mine.")
    await api.call(RESOURCES, "Apply", applied(own))
    before = api.app.store.read(lambda reader: reader.revision())

    with pytest.raises(grpc.aio.AioRpcError, match=r"Skill 'review' is there already and not of this") as caught:
        await push(api, tools("review", "plan"))

    assert caught.value.code() == CODE.ALREADY_EXISTS
    assert api.app.store.read(lambda reader: reader.revision()) == before


async def test_a_member_of_another_bundle_is_not_taken_over(api, tools, zipped, skill_md):
    """The refusal names the bundle it is of."""
    await push(api, tools("review"))
    other = zipped({".codex-plugin/plugin.json": {"name": "other"}, "skills/review/SKILL.md": skill_md()})

    with pytest.raises(grpc.aio.AioRpcError, match=r"Skill 'review' \(of bundle 'tools'\)"):
        await push(api, other)

    assert await code_of(found(api, QUERY, 58, "other")) == CODE.NOT_FOUND


async def test_a_kind_that_is_not_installed_is_named_and_nothing_is_written(tmp_path, tools):
    """The archive has an agent, and there are no agents here."""
    async with installation(tmp_path, plugins=("bundle", "skill")) as api:
        with pytest.raises(grpc.aio.AioRpcError, match="no installed plugin provides the kind Agent") as caught:
            await push(api, tools())

        assert caught.value.code() == CODE.FAILED_PRECONDITION
        assert api.app.store.read(lambda reader: reader.count("Skill")) == 0


async def test_visibility_flows_to_the_members(api, tools):
    """At the first push, with the RPC of its own in both directions, and to members of a later push."""
    bundle = await push(api, tools(), visibility=1)
    seen = [(await found(api, AGENT, 40, "helper")).metadata.visibility]
    for level in (4, 3):
        change = UpdateVisibilityInput(resource_id=bundle.metadata.id, visibility=level)
        assert (await api.call(COMMAND, "updateVisibility", change)).metadata.visibility == level
        seen.append((await found(api, AGENT, 40, "helper")).metadata.visibility)
    await push(api, tools("review", "plan", version="2"), visibility=1)

    assert seen == [1, 4, 3]
    assert (await found(api, SKILL, 43, "plan")).metadata.visibility == 3


WRONG_LEVELS = {
    "unknown bundle beats a bad level": ("plg_none", 2, CODE.NOT_FOUND),
    "retired level": ("", 2, CODE.INVALID_ARGUMENT),
}


@pytest.mark.parametrize(("resource_id", "level", "code"), WRONG_LEVELS.values(), ids=WRONG_LEVELS)
async def test_a_wrong_visibility_has_its_code(api, tools, resource_id, level, code):
    """As of any kind, and nothing changes."""
    bundle = await push(api, tools())
    change = UpdateVisibilityInput(resource_id=resource_id or bundle.metadata.id, visibility=level)

    assert await code_of(api.call(COMMAND, "updateVisibility", change)) == code
    assert (await found(api, SKILL, 43, "review")).metadata.visibility == 3


async def test_deleting_a_bundle_deletes_its_members_only(api, tools):
    """An agent of somebody else stays; afterwards the bundle can be pushed again."""
    bundle = await push(api, tools())
    other = Agent(api_version="agentic.stigmer.ai/v1", kind="Agent")
    other.metadata.name, other.metadata.org, other.spec.instructions = "other", "local", "Answer briefly."
    await api.call(AGENT.format("Command"), "create", other)

    deleted = await api.call(COMMAND, "delete", io_pb2.PluginId(value=bundle.metadata.id))

    assert deleted == bundle
    counts = api.app.store.read(lambda r: [r.count(kind) for kind in ("Plugin", "Skill", "Agent", "AgentInstance")])
    assert counts == [0, 0, 1, 1]
    left = api.app.store.read(lambda r: r.execute("SELECT count(*) FROM contents"))
    assert left == [(0,)]
    await push(api, tools())


@pytest.mark.parametrize("rpc", ["get", "listMembers", "delete"])
async def test_an_unknown_bundle_is_not_found(api, rpc):
    """Whatever is asked of it."""
    service = COMMAND if rpc == "delete" else QUERY

    with pytest.raises(grpc.aio.AioRpcError, match="Plugin not found: plg_none") as caught:
        await api.call(service, rpc, io_pb2.PluginId(value="plg_none"))

    assert caught.value.code() == CODE.NOT_FOUND


async def test_a_bundle_cannot_be_written_by_hand(api, tools):
    """The generic service refuses it, whoever asks."""
    bundle = await push(api, tools())

    assert await code_of(api.call(RESOURCES, "Apply", applied(bundle))) == CODE.INVALID_ARGUMENT


async def test_mcp_servers_become_members_that_agents_use(api, tools):
    """With the tools that an agent names; a later push without the server takes it away from both."""
    servers = {"docs": {"url": "https://docs.example/mcp", "headers": {"X-Key": "${DOCS_KEY}"}}}
    agent = "---\nname: asker\ntools: mcp__plugin_tools_docs__search, mcp__docs__read\n---\nAsk the docs first.\n"
    files = {"agents/asker.md": agent, ".mcp.json": {"mcpServers": servers}}

    bundle = await push(api, tools(**files))

    assert await members(api, bundle) == [(43, "review"), (44, "docs"), (40, "asker"), (40, "helper")]
    used = {slug: (await found(api, AGENT, 40, slug)).spec.mcp_server_usages[0] for slug in ("asker", "helper")}
    assert [one.mcp_server_ref.slug for one in used.values()] == ["docs", "docs"]
    assert [list(one.enabled_tools) for one in used.values()] == [["search", "read"], []]
    after = await push(api, tools(version="2"))
    assert after.status.materialized == status_pb2.PluginMaterialization(skills=1, agents=1)
    assert not (await found(api, AGENT, 40, "helper")).spec.mcp_server_usages
