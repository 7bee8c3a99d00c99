"""Deciding about memories, changing them, and how many a subject may have."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from ai.stigmer.agentic.memory.v1.api_pb2 import Memory
from ai.stigmer.agentic.memory.v1.enum_pb2 import lifecycle_state_confirmed, lifecycle_state_rejected

from stigmer_core.testing.installation import installation

CEILING = 200
DECIDED = {"confirm": lifecycle_state_confirmed, "reject": lifecycle_state_rejected}
OPPOSITE = {"confirm": "reject", "reject": "confirm"}


@pytest.mark.parametrize("rpc", DECIDED)
async def test_a_decision_is_stamped_on_the_status(memories, rpc):
    """What is remembered stays as it was proposed."""
    made = await memories.create()

    decided = await memories.decide(rpc, made.metadata.id)

    assert decided.status.lifecycle_state == DECIDED[rpc]
    assert decided.status.state_changed_at == decided.status.audit.status_audit.updated_at
    assert decided.status.audit.status_audit.event == "updated"
    assert decided.status.audit.spec_audit == made.status.audit.spec_audit
    assert decided.spec == made.spec
    assert await memories.get(made.metadata.id) == decided


@pytest.mark.parametrize("rpc", DECIDED)
async def test_deciding_again_the_same_changes_nothing(memories, rpc):
    """A client may repeat a call whose answer it lost."""
    made = await memories.create()

    first = await memories.decide(rpc, made.metadata.id)

    assert await memories.decide(rpc, made.metadata.id) == first


@pytest.mark.parametrize("rpc", DECIDED)
async def test_a_decision_is_not_turned_round(memories, rpc):
    """The message says what was decided, and nothing changes."""
    made = await memories.create()
    decided = await memories.decide(rpc, made.metadata.id)

    with pytest.raises(grpc.aio.AioRpcError, match=f"is {rpc}ed and cannot be {OPPOSITE[rpc]}ed") as caught:
        await memories.decide(OPPOSITE[rpc], made.metadata.id)

    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert await memories.get(made.metadata.id) == decided


async def test_of_opposite_decisions_at_once_the_first_one_holds(memories):
    """Reading the state and writing it are one transaction."""
    made = await memories.create()

    calls = [memories.decide(rpc, made.metadata.id) for _ in range(10) for rpc in ("confirm", "reject")]
    results = await asyncio.gather(*calls, return_exceptions=True)

    answers = [one for one in results if isinstance(one, Memory)]
    codes = {one.code() for one in results if not isinstance(one, Memory)}
    assert (len(answers), codes) == (10, {grpc.StatusCode.FAILED_PRECONDITION})
    assert {one.status.lifecycle_state for one in answers} == {answers[0].status.lifecycle_state}


async def test_an_update_changes_the_content_and_keeps_the_decision(memories):
    """Subject and provenance stay when they are left out, and may be sent as they are."""
    made = await memories.create()
    confirmed = await memories.decide("confirm", made.metadata.id)

    short = await memories.update(made.metadata.id, content="likes green tea")
    whole = await memories.update(
        made.metadata.id,
        content="likes black tea",
        subject_identity_account_id="ida_ada",
        provenance={"session_id": "ses_1"},
    )

    assert (short.spec.content, whole.spec.content) == ("likes green tea", "likes black tea")
    assert short.spec.subject_identity_account_id == whole.spec.subject_identity_account_id == "ida_ada"
    assert short.spec.provenance == whole.spec.provenance == made.spec.provenance
    assert short.status.state_changed_at == whole.status.state_changed_at == confirmed.status.state_changed_at
    assert whole.status.lifecycle_state == lifecycle_state_confirmed


CHANGES = {
    "another subject": ({"subject_identity_account_id": "ida_bob"}, "subject_identity_account_id"),
    "another session": ({"provenance": {"session_id": "ses_2"}}, "provenance"),
    "less provenance": ({"provenance": {"agent_id": "agt_1"}}, "provenance"),
    "more provenance": ({"provenance": {"session_id": "ses_1", "agent_id": "agt_1"}}, "provenance"),
}


@pytest.mark.parametrize(("changed", "field"), CHANGES.values(), ids=CHANGES)
async def test_where_a_memory_comes_from_does_not_change(memories, changed, field):
    """The message names the field; the content is not written either."""
    made = await memories.create()

    with pytest.raises(grpc.aio.AioRpcError, match=rf"spec\.{field} of memory mem_\w+ cannot change") as caught:
        await memories.update(made.metadata.id, content="likes coffee", **changed)

    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert await memories.get(made.metadata.id) == made


async def test_an_update_with_bad_content_is_refused(memories, code_of):
    """The rules of create hold."""
    made = await memories.create()

    for content in ("", "x" * 501):
        call = memories.update(made.metadata.id, content=content)
        assert await code_of(call) == grpc.StatusCode.INVALID_ARGUMENT


async def test_of_concurrent_creates_exactly_the_ceiling_wins(memories):
    """Counting and writing are one transaction; the others are told the way out."""
    results = await asyncio.gather(*(memories.create() for _ in range(CEILING + 20)), return_exceptions=True)

    made = [one for one in results if isinstance(one, Memory)]
    refused = [one for one in results if not isinstance(one, Memory)]
    assert (len(made), (await memories.list()).total_count) == (CEILING, CEILING)
    assert {one.code() for one in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert "reject or delete some first" in refused[0].details()


async def test_the_ceiling_is_each_subjects_own_in_each_organization(memories, code_of):
    """What one organization remembers of somebody takes no place of another's, or of anybody else's."""
    await memories.switch("acme")
    await asyncio.gather(*(memories.create() for _ in range(CEILING)))

    assert await code_of(memories.create()) == grpc.StatusCode.RESOURCE_EXHAUSTED
    await memories.create(subject="ida_bob")
    await memories.create(org="acme")


@pytest.mark.parametrize(("rpc", "places"), [("reject", 1), ("delete", 1), ("confirm", 0)])
async def test_only_rejected_and_deleted_memories_give_their_place_back(memories, rpc, places):
    """Once each: rejecting again, or deleting what is rejected, gives no second one."""
    made = await asyncio.gather(*(memories.create() for _ in range(CEILING)))
    await memories.decide(rpc, made[0].metadata.id)
    if rpc == "reject":
        await memories.decide("reject", made[0].metadata.id)
        await memories.decide("delete", made[0].metadata.id)

    results = await asyncio.gather(*(memories.create() for _ in range(5)), return_exceptions=True)

    assert len([one for one in results if isinstance(one, Memory)]) == places


async def test_the_ceiling_counts_across_restarts(tmp_path, memories_at, code_of):
    """The places are in the database, not in the process."""
    async with installation(tmp_path) as api:
        first = memories_at(api)
        await first.switch("local")
        await asyncio.gather(*(first.create() for _ in range(CEILING)))

    async with installation(tmp_path) as api:
        assert await code_of(memories_at(api).create()) == grpc.StatusCode.RESOURCE_EXHAUSTED
