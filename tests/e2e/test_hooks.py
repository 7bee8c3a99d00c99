"""What plugins add beyond kinds, on a real server: routes, authenticators, jobs."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request

import grpc
import pytest

from stigmer_core.api.v1 import resources_pb2 as pb
from stigmer_core.testing.distributions import write_distribution
from stigmer_core.testing.server import ServerProcess

PLUGIN = """
    from datetime import timedelta

    from stigmer_core import Job, hookimpl
    from stigmer_core.errors import PermissionDeniedError, UnauthenticatedError

    runs = []

    @hookimpl
    def stigmer_routes(store, links):
        from starlette.responses import PlainTextResponse
        from starlette.routing import Route

        async def count(request):
            return PlainTextResponse(f"{len(runs)} runs")

        async def link(request):
            return PlainTextResponse(links.signed("/made/secret", lasts=timedelta(seconds=600)))

        async def secret(request):
            try:
                links.require_signed(request.url.path, request.query_params)
            except PermissionDeniedError as error:
                return PlainTextResponse(error.message, status_code=403)
            return PlainTextResponse("the secret")

        return [Route("/made/count", count), Route("/made/link", link), Route("/made/secret", secret)]

    @hookimpl
    def stigmer_authenticators():
        from stigmer_core.server import Caller

        def known(token):
            if token == "expired":
                raise UnauthenticatedError("this key has expired")
            return Caller("robot") if token == "robot" else None

        return [known]

    @hookimpl
    def stigmer_jobs(store):
        async def run():
            runs.append(1)
            if len(runs) == 2:
                raise RuntimeError("once")

        return [Job("made", timedelta(milliseconds=20), run)]
"""


@pytest.fixture
def server(home, tmp_path):
    folder = write_distribution(tmp_path, "made", PLUGIN)
    with ServerProcess(home, environment={"PYTHONPATH": str(folder)}) as server:
        yield server


def fetched(server, path, **headers):
    """Return status and text."""
    url = path if path.startswith("http") else f"http://{server.description['http']}{path}"
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with contextlib.closing(error):
            return error.code, error.read().decode()


def test_stigmer_routes_are_served_beside_the_hosts_own(server):
    """With the host's checks of Host and Origin in front."""
    assert fetched(server, "/made/count")[0] == 200
    assert fetched(server, "/healthz")[0] == 200
    assert fetched(server, "/made/count", Origin="https://evil.example")[0] == 403
    assert fetched(server, "/made/other")[0] == 404


def test_a_signed_link_is_good_for_its_path_only(server):
    """Changed in any part it is refused."""
    link = fetched(server, "/made/link")[1]

    assert fetched(server, link) == (200, "the secret")
    assert fetched(server, "/made/secret")[0] == 403
    assert fetched(server, link.replace("expires=", "expires=9"))[0] == 403
    assert fetched(server, link[:-1] + ("0" if link[-1] != "0" else "1"))[0] == 403


def test_stigmer_jobs_run_again_and_again_also_after_one_has_failed(server):
    """From the start of the server on."""
    while int(fetched(server, "/made/count")[1].split()[0]) < 4:
        pass


def applied(server, token):
    """Apply a document over TCP with a token, and return what is stored."""
    document = {"apiVersion": "agentic.stigmer.ai/v1", "kind": "Session", "metadata": {"name": "talk"}}
    with grpc.insecure_channel(server.address) as channel:
        apply = channel.unary_unary(
            "/stigmer.core.v1.ResourceService/Apply", pb.ApplyRequest.SerializeToString, pb.ApplyResponse.FromString
        )
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        answer = apply(pb.ApplyRequest(json=json.dumps(document)), metadata=metadata, timeout=30)
    return json.loads(answer.document.json)


def test_stigmer_authenticators_know_further_callers(server):
    """Their name stands in the audit; the home's own token goes on working."""
    assert applied(server, "robot")["status"]["audit"]["specAudit"]["createdBy"]["id"] == "robot"
    assert applied(server, server.token)["metadata"]["name"] == "talk"


@pytest.mark.parametrize(
    ("token", "words"), [("expired", "has expired"), ("other", "not the one"), ("", "needs a token")]
)
def test_stigmer_authenticators_refuse_in_words(server, token, words):
    """UNAUTHENTICATED: an expired key, an unknown one, none."""
    with pytest.raises(grpc.RpcError, match=words) as caught:
        applied(server, token)

    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
