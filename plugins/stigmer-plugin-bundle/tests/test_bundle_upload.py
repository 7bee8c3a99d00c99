"""Archives that are uploaded before they are pushed; uploads as such are tested with the core."""

from __future__ import annotations

import asyncio
import urllib.request

import grpc
import pytest
from ai.stigmer.agentic.plugin.v1 import io_pb2

from stigmer_core.server.http_host import HttpHost

COMMAND = "ai.stigmer.agentic.plugin.v1.PluginCommandController"
CODE = grpc.StatusCode
HOUR = 3600


@pytest.fixture
async def lane(api):
    """Return the installation with its HTTP host listening."""
    host = HttpHost(api.app.call_log, routes=api.app.routes())
    api.app.links.serve_at(await host.start("127.0.0.1:0"))
    yield api
    await host.stop()


async def offered(api, size, org="local"):
    request = io_pb2.CreatePluginArtifactUploadUrlRequest(org=org, size_bytes=size)
    return await api.call(COMMAND, "createArtifactUploadUrl", request)


async def put(url, content):
    """Return the status of the PUT."""

    def send():
        with urllib.request.urlopen(urllib.request.Request(url, data=content, method="PUT"), timeout=30) as response:
            return response.status

    return await asyncio.to_thread(send)


async def uploaded(api, content):
    """Return an upload with content."""
    upload = await offered(api, len(content))
    await put(upload.url, content)
    return upload


async def push(api, upload, org="local"):
    request = io_pb2.PushPluginRequest(org=org, artifact_upload_ref=upload.artifact_upload_ref)
    return await api.call(COMMAND, "push", request)


async def code_of(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code()


def kept(api):
    """Return the digests of what is stored, but for what the members have."""
    sql = "SELECT name FROM contents WHERE resource_id IS NULL OR resource_id LIKE 'plg%'"
    return [name for (name,) in api.app.store.read(lambda reader: reader.execute(sql))]


async def test_an_uploaded_archive_is_pushed_once(lane, tools):
    """As if it had come inline; afterwards its bytes are kept once, and the reference is used up."""
    content = tools("review")
    upload = await offered(lane, len(content))

    assert (upload.ttl_seconds, await put(upload.url, content)) == (HOUR, 200)
    bundle = await push(lane, upload)

    assert bundle.status.materialized.skills == 1
    assert kept(lane) == [bundle.status.digest]
    assert await code_of(push(lane, upload)) == CODE.FAILED_PRECONDITION


async def test_the_same_archive_uploaded_again_is_kept_once(lane, tools):
    """It is no new version; what was uploaded for it goes."""
    content = tools("review")
    first = await push(lane, await uploaded(lane, content))

    again = await push(lane, await uploaded(lane, content))

    assert (again, kept(lane)) == (first, [first.status.digest])


async def test_a_push_that_fails_leaves_the_upload(lane):
    """It was not used, so nothing of it is lost: the same error comes again."""
    upload = await uploaded(lane, b"x")

    codes = [await code_of(push(lane, upload)) for _ in range(2)]

    assert codes == [CODE.INVALID_ARGUMENT, CODE.INVALID_ARGUMENT]


async def test_of_concurrent_pushes_of_one_upload_one_installs(lane, tools):
    """The others find it used."""
    upload = await uploaded(lane, tools("review"))

    results = await asyncio.gather(*(push(lane, upload) for _ in range(5)), return_exceptions=True)

    failed = [one.code() for one in results if isinstance(one, grpc.aio.AioRpcError)]
    assert failed == [CODE.FAILED_PRECONDITION] * 4


async def test_an_upload_is_for_its_organization_and_after_its_put(lane):
    """Nothing was uploaded, then it is somebody else's; a reference of nobody is not found."""
    upload = await offered(lane, 1)
    assert await code_of(push(lane, upload)) == CODE.FAILED_PRECONDITION

    await put(upload.url, b"x")

    assert await code_of(push(lane, upload, org="other")) == CODE.FAILED_PRECONDITION
    nobody = io_pb2.PluginArtifactUploadUrl(artifact_upload_ref="upl_none")
    assert await code_of(push(lane, nobody)) == CODE.NOT_FOUND


@pytest.mark.parametrize("size", [0, 100 * 1024 * 1024 + 1])
async def test_an_impossible_size_is_refused(lane, size):
    """Nothing at all, or more than an archive may have."""
    assert await code_of(offered(lane, size)) == CODE.INVALID_ARGUMENT


SOURCES = {"neither": {}, "both": {"artifact": b"x", "artifact_upload_ref": "upl_1"}}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
async def test_a_push_has_one_source(api, source):
    """Inline bytes or an upload."""
    assert await code_of(api.call(COMMAND, "push", io_pb2.PushPluginRequest(org="local", **source))) == (
        CODE.INVALID_ARGUMENT
    )
