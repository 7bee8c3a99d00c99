"""The activity `http`, against a real server on a socket."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from stigmer_plugin_workflow_runner.activities.addresses import AddressPolicy, ForbiddenAddressError
from stigmer_plugin_workflow_runner.activities.http import LARGEST, HttpActivity

from stigmer_core.program import ActivityContext, ActivityError

CONTEXT = ActivityContext("run-1", "/do/0/é", 1)


@asynccontextmanager
async def serving(answer):
    """Serve every request with what `answer(head, body)` returns: the raw response."""

    async def handle(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")), 0)
        writer.write(answer(head, await reader.readexactly(length)))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def response(body, status="200 OK", *headers):
    """Return a raw JSON response."""
    content = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + content


def echo(head, body):
    """Answer with the request."""
    return response({"head": head, "body": body.decode()})


@pytest.fixture
async def http():
    """Return an activity that may reach this machine."""
    activity = HttpActivity(allow=["127.0.0.0/8"])
    yield activity
    await activity.close()


async def call(http, uri, **arguments):
    """Call the activity."""
    return await http({"method": "GET", "uri": uri, **arguments}, CONTEXT)


async def test_request_carries_what_the_task_says(http):
    """Query, headers, body and credentials arrive, and a key that is the same for a repeated call."""
    arguments = {
        "method": "POST",
        "query": {"q": "a b", "n": 1},
        "headers": {"X-Id": "7"},
        "body": {"x": [1]},
        "authentication": {"bearer": {"token": "t0"}},
    }
    async with serving(echo) as uri:
        got = await call(http, f"{uri}/p?z=1", **arguments)

    assert got["head"].startswith("POST /p?z=1&q=a+b&n=1 ") or got["head"].startswith("POST /p?z=1&q=a%20b&n=1 ")
    head = got["head"].lower()
    assert "x-id: 7" in head
    assert "authorization: bearer t0" in head
    assert "idempotency-key: run-1/do/0/\\u00e9" in head
    assert json.loads(got["body"]) == {"x": [1]}


async def test_output_modes(http):
    """The content, all of the response without its credentials, or the bytes."""
    async with serving(lambda _head, _body: response({"a": 1}, "201 Created", "X-A: b", "Set-Cookie: s=1")) as uri:
        content = await call(http, uri)
        whole = await call(http, uri, output="response", authentication={"basic": {"username": "u", "password": "p"}})
        raw = await call(http, uri, output="raw")

    assert content == {"a": 1}
    assert (whole["statusCode"], whole["content"], whole["headers"]["x-a"]) == (201, {"a": 1}, "b")
    assert whole["request"]["method"] == "GET"
    assert "authorization" not in whole["request"]["headers"]
    assert "set-cookie" not in whole["headers"]
    assert raw == "eyJhIjogMX0="


@pytest.mark.parametrize(("status", "retryable"), [("404 Not Found", False), ("503 Unavailable", True)])
async def test_refusal_is_a_communication_error_with_its_status(http, status, retryable):
    """So that a `catch` can tell one from another."""
    async with serving(lambda _head, _body: response({}, status)) as uri:
        with pytest.raises(ActivityError) as caught:
            await call(http, uri)

    failure = caught.value.failure
    assert failure.type.endswith("/errors/communication")
    assert (failure.status, failure.retryable) == (int(status[:3]), retryable)


async def test_nobody_there_is_a_retryable_communication_error(http):
    """The server may come back."""
    async with serving(echo) as uri:
        pass
    with pytest.raises(ActivityError) as caught:
        await call(http, uri)

    assert caught.value.failure.retryable
    assert caught.value.failure.status == 500


async def test_redirect_is_followed_only_when_asked(http):
    """Otherwise it is an error, as the DSL says."""

    def answer(head, _body):
        return response({}, "302 Found", "Location: /b") if head.startswith("GET /a") else response({"at": "b"})

    async with serving(answer) as uri:
        assert await call(http, f"{uri}/a", redirect=True) == {"at": "b"}
        with pytest.raises(ActivityError) as caught:
            await call(http, f"{uri}/a")

    assert caught.value.failure.status == 302


async def test_redirect_to_a_forbidden_address_is_refused(http):
    """Each hop is checked."""
    metadata = "Location: http://169.254.169.254/latest/meta-data"
    async with serving(lambda _head, _body: response({}, "302 Found", metadata)) as uri:
        with pytest.raises(ActivityError, match="no workflow may reach"):
            await call(http, uri, redirect=True)


@pytest.mark.parametrize(
    ("host", "said"), [("127.0.0.1", "127.0.0.1 is a"), ("localhost", "localhost stands for 127.0.0.1, a")]
)
def test_private_address_is_refused_by_the_name_that_was_written(host, said):
    """A name with what it stands for, an address once."""
    with pytest.raises(ForbiddenAddressError, match=f"^{said} private address that 'network.allow' does not name"):
        AddressPolicy().check(host, "127.0.0.1")


async def test_response_that_is_too_large_is_refused(http):
    """Its size is counted as it comes, whatever it says."""
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    async with serving(lambda _head, _body: head + b"x" * (LARGEST + 1)) as uri:
        with pytest.raises(ActivityError, match="more than"):
            await call(http, uri)


async def test_loopback_is_refused_unless_allowed():
    """A document cannot reach what listens on this machine, by address or by name."""
    closed = HttpActivity()
    async with serving(echo) as uri:
        for host in (uri, uri.replace("127.0.0.1", "localhost")):
            with pytest.raises(ActivityError, match=r"network\.allow") as caught:
                await call(closed, host)
    await closed.close()

    assert caught.value.failure.type.endswith("/errors/configuration")


@pytest.mark.parametrize("uri", ["ftp://x/", "not a uri", "http://", "file:///etc/passwd"])
async def test_uri_that_is_no_http_is_a_configuration_error(http, uri):
    """Nothing is sent, and nothing is tried again."""
    with pytest.raises(ActivityError) as caught:
        await call(http, uri)

    assert not caught.value.failure.retryable


FORBIDDEN = [
    "127.0.0.1",
    "10.1.2.3",
    "::1",
    "fd00::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "192.168.0.1",
]
NEVER = ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "fd00:ec2::254", "0.0.0.0", "224.0.0.1"]


@pytest.mark.parametrize("address", [*FORBIDDEN, *NEVER])
def test_address_inside_is_forbidden(address):
    """In whichever notation it comes."""
    with pytest.raises(ForbiddenAddressError):
        AddressPolicy().check("host", address)


@pytest.mark.parametrize("address", NEVER)
def test_metadata_cannot_even_be_allowed(address):
    """No setting opens the cloud's credentials."""
    with pytest.raises(ForbiddenAddressError):
        AddressPolicy(["0.0.0.0/0", "::/0", "host"]).check("host", address)


def test_host_or_network_can_be_allowed():
    """By name or by range."""
    policy = AddressPolicy(["db.internal", "10.0.0.0/8"])

    policy.check("DB.internal", "192.168.0.7")
    policy.check("other", "10.9.9.9")
    policy.check("other", "93.184.215.14")
