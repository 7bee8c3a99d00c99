"""Downloads over HTTP, from a real server."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import grpc
import pytest
from ai.stigmer.agentic.artifact.v1 import io_pb2
from ai.stigmer.agentic.artifact.v1.api_pb2 import Artifact
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceId
from stigmer_plugin_artifact._download import Downloads
from stigmer_plugin_artifact.hooks import ARTIFACT

from stigmer_core.server import CallLog, HttpHost, Links
from stigmer_core.testing.installation import installation
from stigmer_core.testing.server import ServerProcess

COMMAND = "ai.stigmer.agentic.artifact.v1.ArtifactCommandController"
QUERY = "ai.stigmer.agentic.artifact.v1.ArtifactQueryController"
PAGE = b"<h1>Done</h1><script>fetch('/metrics')</script>"


class Client:
    """Talks to a server as a user does: makes artifacts over gRPC, follows their links over HTTP."""

    def __init__(self, server, channel):
        self.server = server
        self._channel = channel

    def call(self, service, rpc, request, answer):
        return self._channel.unary_unary(f"/{service}/{rpc}", response_deserializer=answer.FromString)(
            request.SerializeToString()
        )

    def create(self, content=PAGE, *, name="page.html", content_type="text/html"):
        return self.call(COMMAND, "create", wanted(content, name, content_type), Artifact)

    def link(self, artifact):
        request = io_pb2.ArtifactId(value=artifact.metadata.id)
        return self.call(QUERY, "getDownloadUrl", request, io_pb2.ArtifactDownloadUrl)

    def delete(self, artifact):
        return self.call(COMMAND, "delete", ApiResourceId(value=artifact.metadata.id), Artifact)

    def links(self):
        """The links of somebody who knows the server's secret, for what it would not sign."""
        links = Links(self.server.token)
        links.serve_at(self.server.description["http"])
        return links


def wanted(content, name, content_type):
    request = io_pb2.CreateArtifactInput(content=content)
    request.spec.display_name, request.spec.content_type = name, content_type
    request.spec.source.workflow_execution_id = "wex_1"
    return request


def fetch(url, *, method="GET", **headers):
    """Return status, headers and body of exactly this request: nothing is followed, nothing is added."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with ServerProcess(tmp_path_factory.mktemp("s")) as server, grpc.insecure_channel(server.socket) as channel:
        yield Client(server, channel)


def test_a_link_shows_the_content_inline_with_its_type(client):
    """The link says what it leads to and for how long; the page it shows has no rights of its server."""
    made = client.create()
    link = client.link(made)

    status, headers, body = fetch(link.url)

    assert (link.ttl_seconds, link.size_bytes, link.content_type) == (604_800, len(PAGE), "text/html")
    assert (status, body) == (200, PAGE)
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-disposition"] == "inline; filename=\"page.html\"; filename*=UTF-8''page.html"
    assert headers["etag"] == f'"{hashlib.sha256(PAGE).hexdigest()}"'
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox"


def test_any_bytes_arrive_as_they_were(client):
    """Megabytes of every value, under their own type."""
    content = bytes(range(256)) * 4096 * 4

    status, headers, body = fetch(client.link(client.create(content, content_type="application/zip")).url)

    assert (status, headers["content-type"]) == (200, "application/zip")
    assert body == content


@pytest.mark.parametrize(
    ("query", "name"),
    [("download=my%20page.html", "my page.html"), ("download=", "page.html"), ("download=a%22%0d%0ab", "a___b")],
)
def test_download_saves_under_a_name(client, query, name):
    """The one that is asked for, made safe, or else the artifact's own."""
    _, headers, body = fetch(f"{client.link(client.create()).url}&{query}")

    assert headers["content-disposition"].startswith(f'attachment; filename="{name}";')
    assert body == PAGE


def test_head_says_everything_but_the_content(client):
    """The headers of GET, length included, and no body."""
    url = client.link(client.create()).url

    status, headers, body = fetch(url, method="HEAD")

    got = fetch(url)[1]
    assert (status, body) == (200, b"")
    assert {key: value for key, value in headers.items() if key != "date"} == {
        key: value for key, value in got.items() if key != "date"
    }
    assert headers["content-length"] == str(len(PAGE))


def test_a_client_that_has_the_content_is_told_so(client):
    """By its ETag, with 304 and no body."""
    made = client.create()

    status, headers, body = fetch(client.link(made).url, **{"If-None-Match": f'"{made.status.content_hash}"'})

    assert (status, body, headers["etag"]) == (304, b"", f'"{made.status.content_hash}"')


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_to_deleted_content_is_gone(client, method):
    """410, in plain words."""
    made = client.create()
    url = client.link(made).url
    client.delete(made)

    status, headers, body = fetch(url, method=method)

    assert status == 410
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert body.decode() == ("" if method == "HEAD" else f"the content of artifact {made.metadata.id} was deleted\n")


def test_a_signed_link_to_nothing_is_not_found(client):
    """404, also for an id of another kind's."""
    url = client.links().signed("/artifacts/art_none", lasts=timedelta(minutes=1))

    assert fetch(url)[::2] == (404, b"Artifact not found: art_none\n")


def test_without_a_good_signature_nothing_is_told(client):
    """403 whether or not there is such an artifact: no, a wrong, another one's, and an expired signature."""
    made, other = client.create(), client.create(b"other")
    url = client.link(made).url
    path = f"/artifacts/{made.metadata.id}"
    refused = {
        "none": url.partition("?")[0],
        "wrong": url[:-1] + ("0" if url[-1] != "0" else "1"),
        "another one's": url.replace(made.metadata.id, other.metadata.id),
        "longer": url.replace("expires=", "expires=9"),
        "expired": client.links().signed(path, lasts=timedelta(seconds=-1)),
        "unknown": url.replace(made.metadata.id, "art_none"),
    }

    assert {name: fetch(one)[0] for name, one in refused.items()} == dict.fromkeys(refused, 403)


@pytest.mark.parametrize("path", ["/artifacts/..%2f..%2ftoken", "/artifacts/../token", "/artifacts/", "/artifacts"])
def test_a_path_leads_to_no_file(client, path):
    """There are none: content lives in the database, under an id."""
    assert fetch(f"http://{client.server.description['http']}{path}")[0] in {403, 404}


def test_a_link_only_reads(client):
    """Other methods are refused."""
    url = client.link(client.create()).url

    assert {method: fetch(url, method=method)[0] for method in ("POST", "PUT", "DELETE")} == dict.fromkeys(
        ("POST", "PUT", "DELETE"), 405
    )


def test_links_work_after_a_restart(tmp_path):
    """Content and signatures survive a crash of the server."""
    with ServerProcess(tmp_path / "s") as server:
        with grpc.insecure_channel(server.socket) as channel:
            url = Client(server, channel).link(Client(server, channel).create()).url
        server.kill()
        old = server.description["http"]
        server.start()

        status, _, body = fetch(url.replace(old, server.description["http"]))

    assert (status, body) == (200, PAGE)


async def test_expired_content_is_gone_before_the_sweep(tmp_path):
    """410 with the time at which it expired."""
    async with installation(tmp_path) as api:
        made = await api.call(COMMAND, "create", wanted(PAGE, "page.html", "text/html"))
        links = api.app.links
        later = Downloads(ARTIFACT, api.app.resources, links, clock=lambda: datetime.now(UTC) + timedelta(days=31))
        host = HttpHost(CallLog(), routes=[later.route()])
        links.serve_at(await host.start("127.0.0.1:0"))
        url = links.signed(f"/artifacts/{made.metadata.id}", lasts=timedelta(minutes=1))
        try:
            status, _, body = await asyncio.to_thread(fetch, url)
        finally:
            await host.stop()

    assert status == 410
    assert f"expired at {made.status.expires_at}" in body.decode()
