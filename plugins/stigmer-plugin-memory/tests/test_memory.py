"""Creating, reading and deleting memories."""

from __future__ import annotations

import asyncio
import json

import grpc
import pytest
from ai.stigmer.agentic.memory.v1.api_pb2 import Memory
from ai.stigmer.agentic.memory.v1.enum_pb2 import (
    lifecycle_state_confirmed,
    lifecycle_state_proposed,
    lifecycle_state_rejected,
)

from stigmer_core.api.v1 import resources_pb2
from stigmer_core.testing.installation import installation

VERSION = "agentic.stigmer.ai/v1"
UNKNOWN = "mem_01jd2v7c8x9y0z1a2b3c4d5e6f"


async def test_a_new_memory_is_proposed_whatever_the_client_says(memories):
    """Status is the server's: a client cannot confirm a memory by creating it so."""
    asked = Memory(api_version=VERSION, kind="Memory", metadata={"org": "local"}, spec={"content": "likes tea"})
    asked.status.lifecycle_state = lifecycle_state_confirmed

    made = await memories.send(asked)

    assert made.metadata.id.startswith("mem_")
    assert made.status.lifecycle_state == lifecycle_state_proposed
    assert made.status.state_changed_at == made.status.audit.spec_audit.created_at
    assert await memories.get(made.metadata.id) == made


async def test_memories_need_no_name(memories):
    """Each is given one of its own, so any number with the same content can be created at once."""
    made = await asyncio.gather(*(memories.create() for _ in range(20)))

    assert len({one.metadata.slug for one in made}) == 20
    assert all(one.metadata.name == one.metadata.slug for one in made)


async def test_a_given_name_is_kept_and_unique(memories, code_of):
    """So a manifest that is applied twice is one memory, and a second create is told that the slug is taken."""
    made = await memories.create(name="Likes Tea")

    assert (made.metadata.name, made.metadata.slug) == ("Likes Tea", "likes-tea")
    assert await code_of(memories.create(name="Likes Tea")) == grpc.StatusCode.ALREADY_EXISTS


async def test_a_memory_without_a_subject_is_of_who_creates_it(memories):
    """Every memory counts against somebody's ceiling."""
    made = await memories.create(subject="")

    assert made.spec.subject_identity_account_id == made.status.audit.spec_audit.created_by.id == "local"


async def test_memory_that_is_off_says_what_to_set(memories):
    """Memories of before can still be decided and deleted."""
    made = await memories.create()
    await memories.switch("local", on=False)

    with pytest.raises(grpc.aio.AioRpcError, match=r"set spec\.preferences\.memory_enabled") as caught:
        await memories.create()

    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    rejected = await memories.decide("reject", made.metadata.id)
    assert rejected.status.lifecycle_state == lifecycle_state_rejected
    assert await memories.decide("delete", made.metadata.id) == rejected


@pytest.mark.parametrize("org", ["local", ""])
async def test_memory_is_off_from_the_start(api, code_of, org):
    """An organization that has said nothing has not agreed; no organization means `local`."""
    memory = Memory(api_version=VERSION, kind="Memory", metadata={"org": org}, spec={"content": "likes tea"})
    call = api.call("ai.stigmer.agentic.memory.v1.MemoryCommandController", "create", memory)

    assert await code_of(call) == grpc.StatusCode.FAILED_PRECONDITION


async def test_memory_of_an_organization_that_is_not_there_is_off(memories):
    """What cannot be looked up has not agreed."""
    with pytest.raises(grpc.aio.AioRpcError, match="organization 'nowhere' not found") as caught:
        await memories.create(org="nowhere")

    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION


async def test_without_organizations_there_are_no_memories(tmp_path, code_of):
    """Nobody could have agreed: memory is off where the kind Organization is missing."""
    memory = Memory(api_version="agentic.stigmer.ai/v1", kind="Memory")
    memory.metadata.org, memory.spec.content = "local", "likes tea"
    async with installation(tmp_path, disable_plugins=("tenancy",)) as api:
        call = api.call("ai.stigmer.agentic.memory.v1.MemoryCommandController", "create", memory)

        assert await code_of(call) == grpc.StatusCode.FAILED_PRECONDITION


INVALID = {
    "no content": {"spec": {"content": ""}},
    "content too long": {"spec": {"content": "x" * 501}},
    "no spec": {"spec": None},
    "another kind": {"kind": "Agent"},
    "another version": {"api_version": "v1"},
    "no metadata": {"metadata": None},
    "a name that gives no slug": {"metadata": {"name": "?"}},
    "a reserved label": {"metadata": {"labels": {"stigmer.ai/mine": "1"}}},
    "a visibility that memories do not have": {"metadata": {"visibility": 4}},
}


@pytest.mark.parametrize("wrong", INVALID.values(), ids=INVALID)
async def test_an_invalid_memory_is_refused(memories, code_of, wrong):
    """Nothing of it is stored."""
    right = {"api_version": VERSION, "kind": "Memory", "metadata": {}, "spec": {"content": "likes tea"}}

    assert await code_of(memories.send(Memory(**right | wrong))) == grpc.StatusCode.INVALID_ARGUMENT
    assert (await memories.list()).total_count == 0


async def test_content_has_up_to_500_characters(memories):
    """Characters are counted, not bytes."""
    made = await memories.create("ü" * 500)

    assert len(made.spec.content) == 500


@pytest.mark.parametrize("rpc", ["delete", "confirm", "reject"])
async def test_an_unknown_memory_is_not_found(memories, code_of, rpc):
    """The message names the kind and the id; an empty id is refused before the look-up."""
    with pytest.raises(grpc.aio.AioRpcError, match=f"Memory not found: {UNKNOWN}") as caught:
        await memories.decide(rpc, UNKNOWN)

    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert await code_of(memories.decide(rpc, "")) == grpc.StatusCode.INVALID_ARGUMENT


async def test_reading_or_updating_what_is_not_there_is_not_found(memories, code_of):
    """Also an organization's id is no memory's."""
    for call in (memories.get(UNKNOWN), memories.get("local"), memories.update(UNKNOWN, content="x")):
        assert await code_of(call) == grpc.StatusCode.NOT_FOUND

    assert await code_of(memories.get("")) == grpc.StatusCode.INVALID_ARGUMENT
    assert await code_of(memories.update("", content="x")) == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_deleted_memory_is_gone(memories, code_of):
    """The answer is its last state; its name is free again."""
    made = await memories.create(name="tea")

    assert await memories.decide("delete", made.metadata.id) == made
    assert await code_of(memories.get(made.metadata.id)) == grpc.StatusCode.NOT_FOUND
    assert await code_of(memories.decide("delete", made.metadata.id)) == grpc.StatusCode.NOT_FOUND
    await memories.create(name="tea")


async def test_a_manifest_obeys_the_same_rules(memories, code_of):
    """Applying one cannot confirm a memory, nor change its subject."""
    manifest = {"apiVersion": VERSION, "kind": "Memory", "metadata": {"name": "tea"}, "spec": {"content": "likes tea"}}
    stolen = {**manifest, "spec": {"content": "likes tea", "subjectIdentityAccountId": "ida_bob"}}

    async def apply(document):
        request = resources_pb2.ApplyRequest(json=json.dumps(document))
        return await memories.api.call("stigmer.core.v1.ResourceService", "Apply", request)

    applied = json.loads((await apply({**manifest, "status": {"lifecycleState": 2}})).document.json)

    assert applied["status"]["lifecycleState"] == "lifecycle_state_proposed"
    assert await code_of(apply(stolen)) == grpc.StatusCode.FAILED_PRECONDITION
