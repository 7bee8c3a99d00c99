"""Listing memories: whatever happened before, the pages together are exactly what is there."""

from __future__ import annotations

import contextlib
import itertools

import grpc
import pytest
from ai.stigmer.agentic.memory.v1.enum_pb2 import (
    lifecycle_state_confirmed,
    lifecycle_state_proposed,
    lifecycle_state_rejected,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ORGS = ("a", "b")
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.sampled_from(ORGS)),
        st.tuples(st.sampled_from(["confirm", "reject", "delete"]), st.integers(0, 30)),
    ),
    max_size=30,
)
STATES = {"confirm": lifecycle_state_confirmed, "reject": lifecycle_state_rejected}
_fresh = itertools.count()


class Expected:
    """What ought to be there: the state of each memory by organization and id, oldest first."""

    def __init__(self):
        self.states = {org: {} for org in ORGS}

    async def act(self, memories, places, action, target):
        """Do one thing to the API and to what is expected of it."""
        known = [(org, memory_id) for org in ORGS for memory_id in self.states[org]]
        if action == "create":
            made = await memories.create(org=places[target])
            self.states[target][made.metadata.id] = lifecycle_state_proposed
        elif known:
            org, memory_id = known[target % len(known)]
            with contextlib.suppress(grpc.aio.AioRpcError):  # the opposite of what was decided
                await memories.decide(action, memory_id)
            if action == "delete":
                del self.states[org][memory_id]
            elif self.states[org][memory_id] == lifecycle_state_proposed:
                self.states[org][memory_id] = STATES[action]


async def pages_of(memories, org, size):
    """Return the pages of a listing, up to and with the first empty one."""
    pages = [await memories.list(org, size=size)]
    while pages[-1].items:
        pages.append(await memories.list(org, number=len(pages) + 1, size=size))
    return pages


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(actions=ACTIONS, size=st.integers(1, 12))
async def test_the_pages_together_are_what_is_there(memories, actions, size):
    """After any sequence of writes, for each organization and page size: newest first, none twice, a true total."""
    turn = next(_fresh)
    places = {org: f"org-{org}{turn}" for org in ORGS}
    expected = Expected()
    for place in places.values():
        await memories.switch(place)
    for action, target in actions:
        await expected.act(memories, places, action, target)

    for org in ORGS:
        pages = await pages_of(memories, places[org], size)

        listed = [(one.metadata.id, one.status.lifecycle_state) for page in pages for one in page.items]
        wanted = list(reversed(expected.states[org].items()))
        assert listed == wanted
        assert {page.total_count for page in pages} == {len(wanted)}
        assert {len(page.items) for page in pages[:-2]} <= {size}


@pytest.mark.parametrize(
    ("number", "size", "expected"), [(0, 0, 20), (-1, -1, 20), (2, 0, 3), (1, 1000, 23), (9, 5, 0)]
)
async def test_page_numbers_and_sizes_have_defaults(memories, number, size, expected):
    """Number 1 and size 20 when unset; a page behind the last one is empty and has the total."""
    for _ in range(23):
        await memories.create()

    page = await memories.list(number=number, size=size)

    assert (len(page.items), page.total_count) == (expected, 23)


async def test_a_page_has_at_most_100_entries(memories):
    """However many are asked for."""
    for _ in range(101):
        await memories.create()

    page = await memories.list(size=500)

    assert (len(page.items), page.total_count) == (100, 101)


async def test_listing_needs_an_organization(memories, code_of):
    """An unknown one has no memories."""
    assert await code_of(memories.list("")) == grpc.StatusCode.INVALID_ARGUMENT
    assert (await memories.list("nowhere")).total_count == 0


async def test_memories_are_not_searched(memories):
    """What is remembered of people turns up where memories are asked for, and nowhere else."""
    await memories.create("drinks lapsang")

    found = memories.api.app.store.read(
        lambda reader: reader.search(kinds=["Memory"], query="lapsang", org=None, limit=9, offset=0)
    )

    assert found.total == 0
