"""The versions of a bundle: every archive that was pushed, by the digest of its bytes."""

from __future__ import annotations

import hashlib

import grpc
import pytest
from ai.stigmer.agentic.plugin.v1 import io_pb2
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceReference

COMMAND = "ai.stigmer.agentic.plugin.v1.PluginCommandController"
QUERY = "ai.stigmer.agentic.plugin.v1.PluginQueryController"


async def push(api, artifact, message=""):
    return await api.call(COMMAND, "push", io_pb2.PushPluginRequest(org="local", artifact=artifact, message=message))


async def versions(api, **fields):
    return await api.call(QUERY, "listVersions", io_pb2.ListPluginVersionsInput(org="local", slug="tools", **fields))


async def test_versions_are_listed_newest_first_with_one_current(api, tools):
    """Each has its digest, message and key, and holds the version of its manifest as a tag."""
    content = [tools(version=version) for version in ("1.0.0", "1.1.0")]
    for number, one in enumerate(content):
        bundle = await push(api, one, message=f"push {number}")

    listed = await versions(api)

    found = [(one.digest, one.tag, one.message, one.is_current) for one in listed.versions]
    digests = [hashlib.sha256(one).hexdigest() for one in content]
    assert found == [(digests[1], "1.1.0", "push 1", True), (digests[0], "1.0.0", "push 0", False)]
    assert listed.versions[0].artifact_storage_key == bundle.status.artifact_storage_key
    assert (listed.total_count, listed.next_page_token, bool(listed.versions[0].pushed_by.id)) == (2, "", True)


async def test_pushing_an_older_archive_again_makes_it_current(api, tools):
    """It is no new version, and its members come back."""
    first = await push(api, tools("review"))
    await push(api, tools("plan", version="2"))

    again = await push(api, tools("review"))

    assert (again.status.digest, again.metadata.version.id) == (first.status.digest, first.status.digest)
    listed = await versions(api)
    assert [one.is_current for one in listed.versions] == [False, True]
    members = await api.call(QUERY, "listMembers", io_pb2.PluginId(value=first.metadata.id))
    assert [one.slug for one in members.members] == ["review", "helper"]


async def test_of_two_archives_with_one_version_the_newer_holds_the_tag(api, tools):
    """Authors forget to count: the digest tells them apart."""
    await push(api, tools("review"))
    await push(api, tools("plan"))

    listed = await versions(api)

    assert [one.tag for one in listed.versions] == ["1.0.0", ""]


async def test_a_reference_names_a_version_by_digest_or_tag(api, tools):
    """Or the current one, by nothing or `latest`; another one is not found."""
    first = await push(api, tools(version="1.0.0"))
    second = await push(api, tools(version="2.0.0"))
    wanted = {"": second, "latest": second, "1.0.0": first, first.status.digest: first}

    for version, bundle in wanted.items():
        reference = ApiResourceReference(org="local", kind=58, slug="tools", version=version)
        assert (await api.call(QUERY, "getByReference", reference)).status.digest == bundle.status.digest

    unknown = ApiResourceReference(org="local", kind=58, slug="tools", version="3.0.0")
    with pytest.raises(grpc.aio.AioRpcError, match="has no version 3"):
        await api.call(QUERY, "getByReference", unknown)


async def test_pages_of_versions_continue_where_they_stopped(api, tools):
    """All of them once, also when another version comes in between."""
    for number in range(3):
        await push(api, tools(version=str(number)))

    first = await versions(api, page_size=2)
    await push(api, tools(version="9"))
    second = await versions(api, page_size=2, page_token=first.next_page_token)

    assert [one.tag for one in [*first.versions, *second.versions]] == ["2", "1", "0"]
    assert (first.total_count, second.next_page_token) == (3, "")


WRONG = {
    "unknown bundle": ({"slug": "none"}, grpc.StatusCode.NOT_FOUND),
    "no slug": ({"slug": ""}, grpc.StatusCode.INVALID_ARGUMENT),
    "a token of nobody": ({"slug": "tools", "page_token": "x"}, grpc.StatusCode.INVALID_ARGUMENT),
}


@pytest.mark.parametrize(("fields", "code"), WRONG.values(), ids=WRONG)
async def test_a_wrong_listing_has_its_code(api, tools, fields, code):
    """As the API's table of codes says."""
    await push(api, tools())

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await api.call(QUERY, "listVersions", io_pb2.ListPluginVersionsInput(org="local", **fields))

    assert caught.value.code() == code
