"""Memories as a client sees them: over the API, in process, on a real database."""

from __future__ import annotations

import grpc
import pytest
from ai.stigmer.agentic.memory.v1 import io_pb2
from ai.stigmer.agentic.memory.v1.api_pb2 import Memory
from ai.stigmer.tenancy.organization.v1.api_pb2 import Organization

from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.memory.v1.MemoryCommandController"
QUERY = "ai.stigmer.agentic.memory.v1.MemoryQueryController"
ORGANIZATIONS = "ai.stigmer.tenancy.organization.v1.OrganizationCommandController"


class Memories:
    """The RPCs of memories, with what most requests have in common filled in."""

    def __init__(self, api):
        self.api = api

    async def switch(self, org, *, on=True):
        """Set whether an organization has memory on, creating it when needed."""
        one = Organization(api_version="tenancy.stigmer.ai/v1", kind="Organization", metadata={"name": org})
        one.spec.preferences.memory_enabled = on
        await self.api.call(ORGANIZATIONS, "apply", one)

    async def create(self, content="likes tea", *, org="local", subject="ida_ada", **metadata):
        one = Memory(api_version="agentic.stigmer.ai/v1", kind="Memory", metadata={"org": org, **metadata})
        one.spec.content, one.spec.subject_identity_account_id = content, subject
        one.spec.provenance.session_id = "ses_1"
        return await self.send(one)

    async def send(self, memory):
        return await self.api.call(COMMAND, "create", memory)

    async def update(self, memory_id, **spec):
        one = Memory(api_version="agentic.stigmer.ai/v1", kind="Memory", metadata={"id": memory_id}, spec=spec)
        return await self.api.call(COMMAND, "update", one)

    async def decide(self, rpc, memory_id):
        """Call `confirm`, `reject` or `delete`."""
        return await self.api.call(COMMAND, rpc, io_pb2.MemoryId(value=memory_id))

    async def get(self, memory_id):
        return await self.api.call(QUERY, "get", io_pb2.MemoryId(value=memory_id))

    async def list(self, org="local", *, number=0, size=0):
        request = io_pb2.ListMemoriesRequest(org=org, page_info={"num": number, "size": size})
        return await self.api.call(QUERY, "list", request)


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path) as opened:
        yield opened


@pytest.fixture
async def memories(api):
    """Return the client of an installation whose organization `local` has memory on."""
    client = Memories(api)
    await client.switch("local")
    return client


@pytest.fixture
def memories_at():
    """Return a function that makes a client of an installation."""
    return Memories


@pytest.fixture
def code_of():
    """Return a function that awaits a call which must fail, and returns its status code."""

    async def code(awaitable):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await awaitable
        return caught.value.code()

    return code
