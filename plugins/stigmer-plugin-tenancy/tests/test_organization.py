"""Organizations over the API, in process, on a real database."""

from __future__ import annotations

import grpc
import pytest
from ai.stigmer.commons.apiresource.io_pb2 import FindApiResourcesRequest
from ai.stigmer.tenancy.organization.v1.api_pb2 import Organization
from ai.stigmer.tenancy.organization.v1.io_pb2 import OrganizationId
from google.protobuf.empty_pb2 import Empty

from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.tenancy.organization.v1.OrganizationCommandController"
QUERY = "ai.stigmer.tenancy.organization.v1.OrganizationQueryController"


def organization(name):
    one = Organization(api_version="tenancy.stigmer.ai/v1", kind="Organization")
    one.metadata.name = name
    return one


async def test_the_id_is_the_slug(tmp_path):
    """So a reference can name an organization by what people call it."""
    async with installation(tmp_path) as api:
        made = await api.call(COMMAND, "create", organization("Acme Inc"))

        assert made.metadata.id == made.metadata.slug == "acme-inc"
        assert await api.call(QUERY, "get", OrganizationId(value="acme-inc")) == made


async def test_local_is_there_from_the_first_start_and_stays_deleted(tmp_path):
    """It is created once for a home, not at every start."""
    async with installation(tmp_path) as api:
        await api.call(COMMAND, "delete", OrganizationId(value="local"))

    async with installation(tmp_path) as api:
        assert list((await api.call(QUERY, "findMyOrganizations", Empty())).entries) == []


async def test_pages_by_number_cover_every_organization(tmp_path):
    """Three of size two are two pages."""
    async with installation(tmp_path) as api:
        for name in ("first", "second"):
            await api.call(COMMAND, "create", organization(name))

        pages = [
            await api.call(QUERY, "find", FindApiResourcesRequest(org="local", page={"num": number, "size": 2}))
            for number in (1, 2)
        ]

    assert [one.metadata.id for page in pages for one in page.entries] == ["second", "first", "local"]
    assert {page.total_pages for page in pages} == {2}


async def test_an_unserved_rpc_says_why(tmp_path):
    """A deleted organization is gone, and update of what is not there is refused."""
    async with installation(tmp_path) as api:
        with pytest.raises(grpc.aio.AioRpcError, match="Organization not found: nobody"):
            await api.call(COMMAND, "update", organization("nobody"))
