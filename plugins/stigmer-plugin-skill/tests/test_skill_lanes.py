"""Archives over HTTP, against a real server: sockets, broken connections and a crash."""

from __future__ import annotations

import http.client
import io
import random
import shutil
import socket
import tempfile
import zipfile
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest
from ai.stigmer.agentic.skill.v1 import command_pb2, io_pb2, query_pb2
from google.protobuf import message_factory

from stigmer_core.server import Links
from stigmer_core.testing.server import ServerProcess

COMMAND = command_pb2.DESCRIPTOR.services_by_name["SkillCommandController"]
QUERY = query_pb2.DESCRIPTOR.services_by_name["SkillQueryController"]
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def server():
    home = Path(tempfile.mkdtemp(prefix="stg"))
    with ServerProcess(home) as process:
        yield process
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def home():
    folder = Path(tempfile.mkdtemp(prefix="stg"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def archive(size=100, name="tidy"):
    """Return an archive of a bit more than so many bytes, which do not pack."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("SKILL.md", f"---\nname: {name}\ndescription: d\n---\n")
        file.writestr("noise.bin", random.Random(size).randbytes(size))
    return buffer.getvalue()


def call(server, service, rpc, request):
    response = message_factory.GetMessageClass(service.methods_by_name[rpc].output_type)
    path = f"/{service.full_name}/{rpc}"
    with grpc.insecure_channel(server.socket) as channel:
        return channel.unary_unary(path, type(request).SerializeToString, response.FromString)(request)


def new_upload(server, size):
    request = io_pb2.CreateSkillArtifactUploadUrlRequest(org="local", size_bytes=size)
    return call(server, COMMAND, "createArtifactUploadUrl", request)


def send(server, method, url, body=None, **options):
    """Return status, headers and body; the server may have another port by now."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(server.description["http"], timeout=60)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, {"Content-Type": "application/zip"}, **options)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def break_off(server, url, announced, sent):
    """Begin a PUT and hang up."""
    parts = urlsplit(url)
    host, port = server.description["http"].split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {announced}\r\n\r\n"
        connection.sendall(head.encode() + sent)


def push(server, reference):
    return call(server, COMMAND, "push", io_pb2.PushSkillRequest(org="local", artifact_upload_ref=reference))


def download_url(server, skill):
    return call(server, QUERY, "getArtifactDownloadUrl", artifact_of(skill))


def artifact_of(skill):
    return io_pb2.GetArtifactRequest(artifact_storage_key=skill.status.artifact_storage_key)


def test_an_archive_too_big_for_a_message_goes_up_and_comes_down(server):
    """Upload, push, download; inline it is refused with the way out."""
    content = archive(11 * MEGABYTE)
    upload = new_upload(server, len(content))

    put = send(server, "PUT", upload.url, content)
    skill = push(server, upload.artifact_upload_ref)
    down = download_url(server, skill)
    status, headers, got = send(server, "GET", down.url)

    assert (put[0], upload.ttl_seconds, down.ttl_seconds, down.size_bytes) == (200, 3600, 3600, len(content))
    assert (status, headers["content-type"], got == content) == (200, "application/zip", True)
    assert headers["content-disposition"] == f'attachment; filename="tidy-{skill.status.version_hash[:12]}.zip"'
    assert send(server, "HEAD", down.url)[1]["content-length"] == str(len(content))
    with pytest.raises(grpc.RpcError, match="ask getArtifactDownloadUrl"):
        call(server, QUERY, "getArtifact", artifact_of(skill))


def test_a_url_takes_one_upload(server):
    """A second one is a conflict, before and after the push."""
    content = archive()
    upload = new_upload(server, len(content))

    statuses = [send(server, "PUT", upload.url, content)[0] for _ in range(2)]
    push(server, upload.artifact_upload_ref)
    statuses.append(send(server, "PUT", upload.url, content)[0])

    assert statuses == [200, 409, 409]


@pytest.mark.parametrize(("difference", "status"), [(1, 413), (-1, 400)])
@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
def test_an_upload_of_another_size_does_not_count(server, difference, status, chunked):
    """Nothing of it is kept, and the URL takes the right bytes afterwards."""
    upload = new_upload(server, 1000)
    content = b"x" * (1000 + difference)
    body = iter([content]) if chunked else content

    first = send(server, "PUT", upload.url, body, encode_chunked=chunked)[0]
    second = send(server, "PUT", upload.url, b"x" * 1000)[0]

    assert (first, second) == (status, 200)


def test_an_upload_that_breaks_off_does_not_count(server):
    """It cannot be pushed, and the URL can be used again."""
    content = archive(3 * MEGABYTE)
    upload = new_upload(server, len(content))

    break_off(server, upload.url, len(content), content[: 2 * MEGABYTE])
    with pytest.raises(grpc.RpcError, match="nothing has been uploaded"):
        push(server, upload.artifact_upload_ref)

    assert put_until_free(server, upload.url, content) == 200
    assert push(server, upload.artifact_upload_ref).spec.name == "tidy"


def put_until_free(server, url, content):
    """Send again while the server has not noticed yet that the other connection is gone."""
    for _ in range(100):
        status = send(server, "PUT", url, content)[0]
        if status != 409:
            return status
    return status


def test_a_second_upload_waits_for_no_first(server):
    """While one is under way, another to the same URL is a conflict."""
    content = archive(2 * MEGABYTE)
    upload = new_upload(server, len(content))
    parts = urlsplit(upload.url)
    first = http.client.HTTPConnection(server.description["http"], timeout=60)
    first.putrequest("PUT", f"{parts.path}?{parts.query}")
    first.putheader("Content-Length", str(len(content)))
    first.endheaders(content[:MEGABYTE])

    second = until(409, lambda: send(server, "PUT", upload.url, b"")[0])
    first.send(content[MEGABYTE:])

    assert (second, first.getresponse().status) == (409, 200)
    first.close()


def until(wanted, attempt):
    """Try until the server has seen what another connection sent."""
    return next((status for _ in range(200) if (status := attempt()) == wanted), None)


def test_a_crash_leaves_nothing_half_there(home):
    """After the next start the same URL takes the whole archive."""
    content = archive(3 * MEGABYTE)
    with ServerProcess(home) as server:
        upload = new_upload(server, len(content))
        parts = urlsplit(upload.url)
        connection = http.client.HTTPConnection(server.description["http"], timeout=60)
        connection.putrequest("PUT", f"{parts.path}?{parts.query}")
        connection.putheader("Content-Length", str(len(content)))
        connection.endheaders(content[: 2 * MEGABYTE])
        until(409, lambda: send(server, "PUT", upload.url, b"")[0])
        server.kill()
        connection.close()
        server.start()

        assert send(server, "PUT", upload.url, content)[0] == 200
        assert push(server, upload.artifact_upload_ref).status.version_hash


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_only_a_good_signature_opens_a_lane(server, method):
    """Not none, not one of another path, and not one that has expired."""
    links = Links(server.token)
    links.serve_at(server.description["http"])
    path = "/skills/uploads/sau_1" if method == "PUT" else f"/skills/artifacts/skl_1/{'a' * 64}.zip"
    urls = [
        links.url(path),
        links.signed("/skills/x", lasts=timedelta(hours=1)),
        links.signed(path, lasts=-timedelta(1)),
    ]
    urls[1] = urls[1].replace("/skills/x", path)

    assert [send(server, method, url, b"x" if method == "PUT" else None)[0] for url in urls] == [403] * 3
    assert send(server, method, links.signed(path, lasts=timedelta(hours=1)), b"x")[0] == 404


def test_a_lane_takes_no_other_method(server):
    """An upload cannot be read, a download cannot be written."""
    upload = new_upload(server, 1)

    assert [send(server, method, upload.url, b"")[0] for method in ("GET", "POST", "DELETE")] == [405] * 3
