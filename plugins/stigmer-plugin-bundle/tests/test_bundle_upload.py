"""Uploads over HTTP for archives that are too large for a message, with real sockets."""

from __future__ import annotations

import asyncio
import random
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import grpc
import pytest
from ai.stigmer.agentic.plugin.v1 import io_pb2
from stigmer_plugin_bundle import _store

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


async def put(url, content, method="PUT"):
    """Return the status of a request."""

    def send():
        request = urllib.request.Request(url, data=content, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    return await asyncio.to_thread(send)


async def push(api, upload, org="local"):
    request = io_pb2.PushPluginRequest(org=org, artifact_upload_ref=upload.artifact_upload_ref)
    return await api.call(COMMAND, "push", request)


async def code_of(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code()


def count(api, table):
    return api.app.store.read(lambda reader: reader.execute(f"SELECT count(*) FROM {table}"))[0][0]


async def test_an_uploaded_archive_is_pushed_once(lane, tools):
    """As if it had come inline; afterwards its bytes are kept once, and the reference is used up."""
    content = tools("review")
    upload = await offered(lane, len(content))

    assert (upload.ttl_seconds, await put(upload.url, content)) == (HOUR, 200)
    bundle = await push(lane, upload)

    assert bundle.status.materialized.skills == 1
    assert count(lane, "bundle_upload_piece") == 0
    assert await code_of(push(lane, upload)) == CODE.FAILED_PRECONDITION


async def test_an_upload_of_many_pieces_is_whole(lane):
    """More than a message can be, in the order it came."""
    content = random.Random(1).randbytes(12_000_001)
    upload = await offered(lane, len(content))

    assert await put(upload.url, content) == 200

    assert count(lane, "bundle_upload_piece") > 10
    stored = lane.app.store.read(lambda reader: _store.uploaded(reader, upload.artifact_upload_ref))
    assert stored == content


async def test_a_url_takes_one_upload(lane, tools):
    """The second PUT is a conflict, and the first one's archive is what is pushed."""
    content = tools("review")
    upload = await offered(lane, len(content))
    await put(upload.url, content)

    assert await put(upload.url, b"x" * len(content)) == 409
    assert (await push(lane, upload)).metadata.slug == "tools"
    assert await put(upload.url, content) == 409


WRONG_SIZES = {"more than announced": (10, b"x" * 11, 413), "less than announced": (10, b"x" * 9, 400)}


@pytest.mark.parametrize(("size", "content", "status"), WRONG_SIZES.values(), ids=WRONG_SIZES)
async def test_another_size_than_announced_is_refused(lane, size, content, status):
    """Nothing of it is kept, and the URL takes the right archive afterwards."""
    upload = await offered(lane, size)

    assert await put(upload.url, content) == status
    assert count(lane, "bundle_upload_piece") == 0
    assert await put(upload.url, b"x" * size) == 200


async def test_an_upload_that_breaks_off_can_be_made_again(lane):
    """Once the server has noticed; until then the place is taken."""
    upload = await offered(lane, 10)
    address = urlsplit(upload.url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"PUT {address.path}?{address.query} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 10\r\n\r\n"
    writer.write(head.encode() + b"12345")
    await writer.drain()
    writer.close()

    async with asyncio.timeout(30):
        while (status := await put(upload.url, b"1234567890")) == 409:
            pass

    assert status == 200


async def test_a_url_that_was_not_made_here_is_refused(lane):
    """Another signature, or the signature of another path."""
    one, other = await offered(lane, 1), await offered(lane, 1)
    swapped = one.url.replace(one.artifact_upload_ref, other.artifact_upload_ref)

    assert [await put(url, b"x") for url in (one.url + "0", one.url.partition("?")[0], swapped)] == [403, 403, 403]
    assert await put(one.url, b"x", method="POST") == 405


async def test_an_upload_that_expired_is_forgotten(lane, tools):
    """With its bytes, whether it was pushed or not."""
    content = tools("review")
    upload = await offered(lane, len(content))
    await put(upload.url, content)

    await lane.app.store.run(lambda tx: _store.drop_expired(tx, int(tx.now.timestamp()) + 2 * HOUR))

    assert (count(lane, "bundle_upload"), count(lane, "bundle_upload_piece")) == (0, 0)
    assert await code_of(push(lane, upload)) == CODE.NOT_FOUND
    assert await put(upload.url, content) == 404


async def test_an_upload_that_has_not_expired_stays(lane):
    """The forgetting looks at each one's own time."""
    upload = await offered(lane, 1)

    await lane.app.store.run(lambda tx: _store.drop_expired(tx, int(tx.now.timestamp())))

    assert await put(upload.url, b"x") == 200


async def test_a_push_that_fails_leaves_the_upload(lane):
    """It was not used, so nothing of it is lost: the same error comes again."""
    upload = await offered(lane, 1)
    await put(upload.url, b"x")

    codes = [await code_of(push(lane, upload)) for _ in range(2)]

    assert codes == [CODE.INVALID_ARGUMENT, CODE.INVALID_ARGUMENT]


async def test_of_concurrent_pushes_of_one_upload_one_installs(lane, tools):
    """The others find it used."""
    content = tools("review")
    upload = await offered(lane, len(content))
    await put(upload.url, content)

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


async def test_without_an_http_host_there_are_no_uploads(api):
    """The refusal says how to start one; nothing is written."""
    with pytest.raises(grpc.aio.AioRpcError, match="--http") as caught:
        await offered(api, 1)

    assert caught.value.code() == CODE.FAILED_PRECONDITION
    assert count(api, "bundle_upload") == 0


SOURCES = {"neither": {}, "both": {"artifact": b"x", "artifact_upload_ref": "upl_1"}}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
async def test_a_push_has_one_source(api, source):
    """Inline bytes or an upload."""
    assert await code_of(api.call(COMMAND, "push", io_pb2.PushPluginRequest(org="local", **source))) == (
        CODE.INVALID_ARGUMENT
    )
