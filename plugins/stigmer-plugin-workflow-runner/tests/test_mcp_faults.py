"""`call: mcp` with servers that do what they like: sessions over HTTP, and processes that end, talk or hang."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess

import httpx
import pytest
from loopback import served
from stigmer_plugin_workflow_runner.activities import mcp_http, mcp_stdio
from stigmer_plugin_workflow_runner.activities.mcp import McpActivity
from stigmer_plugin_workflow_runner.activities.process import Processes

from stigmer_core.program import ActivityContext, ActivityError

CONTEXT = ActivityContext("run-1", "/do/0/a", 1)
OPENED = {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-06-18"}}
ANSWER = {"jsonrpc": "2.0", "id": 2, "result": {"tools": []}}
ASKED = {"method": "tools/list", "parameters": {}, "protocolVersion": "2025-06-18", "client": {}}
STREAM = {"content-type": "text/event-stream"}


@pytest.fixture
async def mcp():
    """Return an activity that may reach this machine."""
    activity = McpActivity(Processes(), allow=["127.0.0.0/8"])
    yield activity
    await activity.close()


def answering(last):
    """Return a server that opens a session, and answers the method with a response."""

    def respond(request):
        method = json.loads(request.content or "{}").get("method")
        if method == "initialize":
            return httpx.Response(200, json=OPENED, headers={"Mcp-Session-Id": "s1"})
        return last if method == "tools/list" else httpx.Response(202)

    return respond


async def test_session_of_http(mcp):
    """Its id, the agreed version and the credentials go with every request; the key with the method alone."""
    endpoint = {"headers": {"X-Team": "a", "accept": "x"}, "authentication": {"bearer": {"token": "t"}}}
    async with served(answering(httpx.Response(200, json=ANSWER))) as (uri, seen):
        assert await mcp({**ASKED, "http": {"uri": uri, **endpoint}}, CONTEXT) == {"tools": []}

    assert [(request.method, "mcp-session-id" in request.headers) for request in seen] == [
        ("POST", False),
        ("POST", True),
        ("POST", True),
        ("DELETE", True),
    ]
    assert [request.headers.get("mcp-protocol-version") for request in seen] == [None, *["2025-06-18"] * 3]
    assert {(request.headers["authorization"], request.headers["x-team"]) for request in seen} == {("Bearer t", "a")}
    assert {request.headers["accept"] for request in seen} == {"application/json, text/event-stream"}
    assert [request.headers.get("idempotency-key") for request in seen] == [None, None, "run-1/do/0/a", None]


async def test_stream_is_read_until_the_answer(mcp):
    """What comes before is passed over, a question is replied to, and the end is not waited for."""
    before = [{"method": "notifications/progress"}, {"id": 2, "method": "ping"}, {"id": "a", "method": "roots/list"}]
    text = "".join(f": x\r\nevent: message\r\ndata: {json.dumps(one)}\r\n\r\n" for one in [*before, ANSWER])
    stream = httpx.Response(200, content=text, headers={**STREAM, "content-length": "99999"})
    async with served(answering(stream)) as (uri, seen):
        assert await mcp({**ASKED, "http": {"uri": uri}}, CONTEXT) == {"tools": []}

    replies = [json.loads(request.content) for request in seen[3:-1]]
    assert replies[0] == {"jsonrpc": "2.0", "id": 2, "result": {}}
    assert (replies[1]["id"], replies[1]["error"]["code"]) == ("a", -32601)


async def test_pieces_of_a_stream():
    """Lines end in any of three ways, and may be cut anywhere."""
    text = b"data: 1\r\ndata:2\r\rid: x\ndata: 3\n\r\ndata: 4"
    for size in range(1, len(text)):

        async def pieces(size=size):
            for at in range(0, len(text), size):
                yield text[at : at + size]

        response = httpx.Response(200, content=pieces())
        assert [data async for data in mcp_http._events(response)] == [b"1\n2", b"3"]


WRONG = [
    (httpx.Response(503), 503, "503 Service Unavailable"),
    (httpx.Response(302, headers={"location": "/"}), 302, "302"),
    (httpx.Response(200, html="<p>"), 500, "not with JSON"),
    (httpx.Response(200, text="{", headers={"content-type": "application/json"}), 500, "is no JSON"),
    (httpx.Response(200, json=[1]), 500, "is no JSON-RPC"),
    (httpx.Response(200, json={"id": 3, "result": 1}), 500, "did not answer 'tools/list'"),
    (httpx.Response(200, text="data: {}\n\n", headers=STREAM), 500, "did not answer 'tools/list'"),
    (httpx.Response(200, json={**ANSWER, "result": "x" * 2000}), 500, "more than 1000 bytes"),
]


@pytest.mark.parametrize(("response", "status", "message"), WRONG)
async def test_answer_that_is_none_is_a_communication_error(mcp, monkeypatch, response, status, message):
    """With the status of HTTP, where there is one; the session ends nevertheless."""
    monkeypatch.setattr(mcp_http, "LARGEST", 1000)
    async with served(answering(response)) as (uri, seen):
        with pytest.raises(ActivityError, match=message) as caught:
            await mcp({**ASKED, "http": {"uri": uri}}, CONTEXT)

    assert (caught.value.failure.type.rpartition("/")[2], caught.value.failure.status) == ("communication", status)
    assert seen[-1].method == "DELETE"


async def test_address_that_is_not_allowed():
    """The address policy is that of all calls, for servers of MCP too."""
    activity = McpActivity(Processes())
    for uri in ("http://127.0.0.1:9/mcp", "http://169.254.169.254/", "file:///etc/passwd"):
        with pytest.raises(ActivityError) as caught:
            await activity({**ASKED, "http": {"uri": uri}}, CONTEXT)

        assert caught.value.failure.type.endswith("/errors/configuration")
    await activity.close()


def script(*lines, then=""):
    """Return the transport to a server that reads a line, writes one, and so on."""
    text = "".join(f"read -r line; printf '%s\\n' '{json.dumps(line)}'\n" for line in lines)
    return {"command": "sh", "arguments": ["-c", text + then], "environment": {"KEY": "s3cret"}, "secret": ["KEY"]}


async def test_process_is_spoken_to_in_lines(mcp):
    """What comes before the answer is passed over; a server that does not end with its input is ended."""
    stdio = script(OPENED, {"method": "notifications/message"}, ANSWER, then="sleep 1000")

    assert await mcp({**ASKED, "stdio": stdio}, CONTEXT) == {"tools": []}


ENDS = [
    (script(then="echo the key is $KEY >&2; exit 3"), r"ended before it answered: the key is \*\*\*REDACTED\*\*\*$"),
    (script(OPENED, then="exec <&-; exit"), "ended before it answered$"),
    (script(1), "is no JSON-RPC"),
    (script({**OPENED, "result": {"protocolVersion": "1999"}}), "speaks version '1999'"),
    (script(then="echo hello; cat"), "is no JSON"),
    (script("x" * 2000), "more than 1000 bytes"),
    (script(then="yes ''"), "more than 1000 bytes"),
    ({"command": "no-such-server"}, "no-such-server"),
]


@pytest.mark.parametrize(("stdio", "message"), ENDS)
async def test_process_that_does_not_answer_is_a_communication_error(mcp, monkeypatch, stdio, message):
    """With the end of what it wrote to its standard error, without secrets."""
    monkeypatch.setattr(mcp_stdio, "LARGEST", 1000)
    with pytest.raises(ActivityError, match=message) as caught:
        await mcp({**ASKED, "stdio": stdio}, CONTEXT)

    assert caught.value.failure.type.endswith("/errors/communication")


def running(seconds):
    """Return whether a `sleep` of so many seconds is there."""
    listed = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return any(line.split() == ["sleep", seconds] for line in listed.splitlines())


async def until(seconds, *, there):
    """Wait until a `sleep` of so many seconds is there, or is gone."""
    for _ in range(2000):
        if there == running(seconds):
            return
        await asyncio.sleep(0)
    pytest.fail(f"sleep {seconds} is {'not there' if there else 'there still'}")


async def test_call_that_takes_too_long_is_a_timeout_error(mcp):
    """Nothing is left of the process, nor of what it started."""
    seconds = f"7{os.getpid()}"
    with pytest.raises(ActivityError, match=r"did not answer 'tools/list' in 0\.5 s") as caught:
        await mcp({**ASKED, "stdio": script(then=f"sleep {seconds} & wait"), "timeoutSeconds": 0.5}, CONTEXT)

    assert (caught.value.failure.type.rpartition("/")[2], caught.value.failure.status) == ("timeout", 408)
    await until(seconds, there=False)


async def test_call_that_is_cancelled_ends_the_process(mcp):
    """With all that it started."""
    seconds = f"8{os.getpid()}"
    task = asyncio.create_task(mcp({**ASKED, "stdio": script(then=f"sleep {seconds} & wait")}, CONTEXT))
    await until(seconds, there=True)

    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    await until(seconds, there=False)
