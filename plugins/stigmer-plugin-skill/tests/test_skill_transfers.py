"""Archives over HTTP, against a real server; uploads as such are tested with the core."""

from __future__ import annotations

import http.client
import io
import random
import shutil
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


def archive(size):
    """Return an archive of a bit more than so many bytes, which do not pack."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("SKILL.md", "---\nname: tidy\ndescription: d\n---\n")
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


def send(method, url, body=None):
    """Return status, headers and body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, {"Content-Type": "application/zip"})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def push(server, reference):
    return call(server, COMMAND, "push", io_pb2.PushSkillRequest(org="local", artifact_upload_ref=reference))


def artifact_of(skill):
    return io_pb2.GetArtifactRequest(artifact_storage_key=skill.status.artifact_storage_key)


def test_an_archive_too_big_for_a_message_goes_up_and_comes_down(server):
    """Upload, push, download; inline it is refused with the way out."""
    content = archive(11 * MEGABYTE)
    upload = new_upload(server, len(content))

    put = send("PUT", upload.url, content)
    skill = push(server, upload.artifact_upload_ref)
    down = call(server, QUERY, "getArtifactDownloadUrl", artifact_of(skill))
    status, headers, got = send("GET", down.url)

    assert (put[0], upload.ttl_seconds, down.ttl_seconds, down.size_bytes) == (200, 3600, 3600, len(content))
    assert (status, headers["content-type"], got == content) == (200, "application/zip", True)
    assert headers["content-disposition"] == f'attachment; filename="tidy-{skill.status.version_hash[:12]}.zip"'
    assert send("HEAD", down.url)[1]["content-length"] == str(len(content))
    with pytest.raises(grpc.RpcError, match="ask getArtifactDownloadUrl"):
        call(server, QUERY, "getArtifact", artifact_of(skill))


def test_only_a_good_signature_opens_a_download(server):
    """Not none, not one of another path, and not one that has expired."""
    links = Links(server.token)
    links.serve_at(server.description["http"])
    path = f"/skills/artifacts/skl_1/{'a' * 64}.zip"
    hour = timedelta(hours=1)
    urls = [links.url(path), links.signed("/skills/x", lasts=hour), links.signed(path, lasts=-hour)]
    urls[1] = urls[1].replace("/skills/x", path)

    assert [send("GET", url)[0] for url in urls] == [403] * 3
    assert send("GET", links.signed(path, lasts=hour))[0] == 404
    assert send("PUT", links.signed(path, lasts=hour), b"x")[0] == 405
