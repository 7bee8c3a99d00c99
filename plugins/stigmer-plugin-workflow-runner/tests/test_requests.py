"""What `call: http` sends, and what it makes of a response, where the conformance kit does not say it."""

from __future__ import annotations

import json

import httpx
import pytest
from kit_servers import seen as echoed
from loopback import served
from stigmer_plugin_workflow_runner.activities.client import MOST_REDIRECTS
from stigmer_plugin_workflow_runner.activities.http import HttpActivity
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from stigmer_plugin_workflow_runner.program.secrets import HIDDEN

from stigmer_core.program import ActivityContext, ActivityError, CallActivity
from stigmer_core.testing.memory_engine import MemoryEngine

CONTEXT = ActivityContext("run-1", "/do/0/a", 1)


@pytest.fixture
async def http():
    """Return an activity that may reach this machine."""
    activity = HttpActivity(allow=["127.0.0.0/8"])
    yield activity
    await activity.close()


async def nothing(_arguments, _context):
    """Stand in for an activity."""


async def sent(http, **arguments):
    """Call the activity and return the request as a server sees it."""
    async with served(lambda request: httpx.Response(200, json=echoed(request))) as (uri, seen):
        await http({"method": "POST", "uri": uri, **arguments}, CONTEXT)
    return seen[0]


async def got(http, response, **arguments):
    """Return what the activity makes of a response."""
    async with served(lambda _request: response) as (uri, _seen):
        return await http({"method": "GET", "uri": uri, **arguments}, CONTEXT)


async def test_cookie_of_one_run_is_not_sent_for_another(http):
    """All runs share the connections, and nothing else."""
    answer = httpx.Response(200, headers={"set-cookie": "session=s1"})
    async with served(lambda _request: answer) as (uri, seen):
        for _ in range(2):
            await http({"method": "GET", "uri": uri}, CONTEXT)

    assert "cookie" not in seen[1].headers


BODIES = [
    ({"body": False}, "application/json", b"false"),
    ({"body": {"a": "ü"}}, "application/json", '{"a":"ü"}'.encode()),
    ({"body": "ü"}, "text/plain; charset=utf-8", "ü".encode()),
    ({"body": "ü", "headers": {"content-type": "text/plain; charset=latin-1"}}, "text/plain; charset=latin-1", b"\xfc"),
    ({"body": '{"a": 1}', "headers": {"Content-Type": "application/json"}}, "application/json", b'{"a": 1}'),
    ({"body": {"a": 1}, "headers": {"Content-Type": "application/x+json"}}, "application/x+json", b'{"a":1}'),
    ({"body": ""}, "text/plain; charset=utf-8", b""),
    ({"body": None}, None, b""),
]


@pytest.mark.parametrize(("arguments", "kind", "content"), BODIES)
async def test_body_is_what_its_type_says(http, arguments, kind, content):
    """Text as it is, anything else as JSON, nothing for null."""
    request = await sent(http, **arguments)

    assert (request.headers.get("content-type"), request.content) == (kind, content)


async def test_body_in_parts(http):
    """Its type gets a boundary; a list is several parts."""
    request = await sent(http, body={"a": ["x", 1]}, headers={"Content-Type": "multipart/form-data"})

    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert request.content.count(b'name="a"') == 2


async def test_lists_and_nothing_in_query_and_headers(http):
    """A list is sent several times, null not at all; the URI's own parameters stay unless they are replaced."""
    query, headers = {"a": [1, None, "x y"], "b": None, "c": True, "d": {"e": 1}}, {"X-A": ["1", "2"], "X-B": None}
    async with served(lambda request: httpx.Response(200, json=echoed(request))) as (uri, seen):
        await http({"method": "GET", "uri": f"{uri}/?z=1&a=9", "query": query, "headers": headers}, CONTEXT)

    assert seen[0].url.params.multi_items() == [
        *(("z", "1"), ("a", "1"), ("a", "x y")),
        *(("c", "true"), ("d", '{"e": 1}')),
    ]
    assert seen[0].headers.get_list("x-a") == ["1", "2"]
    assert "x-b" not in seen[0].headers


UNSENDABLE = [
    {"headers": {"X-A": "1\r\nX-B: 2"}},
    {"headers": {"X-A": "ü"}},
    {"body": "x", "headers": {"Content-Type": "text/plain; charset=none"}},
]


@pytest.mark.parametrize("arguments", UNSENDABLE)
async def test_request_that_http_does_not_have_is_a_configuration_error(http, arguments):
    """A value cannot smuggle in a header."""
    with pytest.raises(ActivityError) as caught:
        await sent(http, **arguments)

    assert caught.value.failure.type.endswith("/errors/configuration")


CONTENTS = [
    (b"", "application/json", None),
    (b"\xef\xbb\xbf[1]", "application/json; charset=utf-8", [1]),
    (b"2", "application/problem+json", 2),
    (b"a: 1", "application/yaml", "a: 1"),
    ("ü".encode("latin-1"), "text/plain; charset=latin-1", "ü"),
    (b"\xff", "image/png", "/w=="),
    (b"\xff", "text/plain; charset=nothing", "/w=="),
]


@pytest.mark.parametrize(("body", "kind", "content"), CONTENTS)
async def test_content_is_what_its_type_says(http, body, kind, content):
    """JSON is read, text decoded, anything else base64."""
    assert await got(http, httpx.Response(200, content=body, headers={"content-type": kind})) == content


@pytest.mark.parametrize("body", [b"{", b"NaN", b"[" * 100_000, b"\xff"])
async def test_json_that_is_none_is_a_communication_error(http, body):
    """The state of a run is JSON, and holds nothing else."""
    with pytest.raises(ActivityError, match="not the JSON") as caught:
        await got(http, httpx.Response(200, content=body, headers={"content-type": "application/json"}))

    assert caught.value.failure.type.endswith("/errors/communication")


@pytest.mark.parametrize(("status", "redirect"), [(204, False), (299, False), (300, True), (304, True), (399, True)])
async def test_status_of_success(http, status, redirect):
    """With `redirect` one of redirection too, when there is nowhere to go."""
    whole = await got(http, httpx.Response(status), redirect=redirect, output="response")

    assert (whole["statusCode"], whole["content"]) == (status, None)


async def test_redirects_end(http):
    """After a few the server is taken to go round in a circle."""
    async with served(lambda _request: httpx.Response(302, headers={"location": "/"})) as (uri, seen):
        with pytest.raises(ActivityError, match="more than 5 redirects"):
            await http({"method": "GET", "uri": uri, "redirect": True}, CONTEXT)

    assert len(seen) == MOST_REDIRECTS + 1


@pytest.mark.parametrize("status", [302, 307])
async def test_method_after_a_redirect(http, status):
    """A 302 makes a POST a GET, a 307 repeats it with its body."""

    def answer(request):
        elsewhere = httpx.Response(status, headers={"location": "/b"})
        return elsewhere if request.url.path == "/a" else httpx.Response(200, json=echoed(request))

    async with served(answer) as (uri, _seen):
        last = await http({"method": "POST", "uri": f"{uri}/a", "body": [1], "redirect": True}, CONTEXT)

    assert (last["method"], last["json"]) == (("GET", None) if status == 302 else ("POST", [1]))


async def test_output_and_error_do_not_show_secrets(http):
    """Neither the headers and parameters that hold one, nor a URI that does."""
    arguments = {"headers": {"X-Key": "k0"}, "query": {"key": "k0"}, "secret": ["X-Key", "key"], "output": "response"}
    whole = await got(http, httpx.Response(200), **arguments)
    with pytest.raises(ActivityError) as caught:
        await got(http, httpx.Response(404), **{**arguments, "shown": "http://x/***"})

    assert "k0" not in json.dumps(whole)
    assert caught.value.failure.detail == "GET http://x/***: 404 Not Found"


async def test_program_says_which_arguments_hold_secrets(document):
    """It is the last to know: the activity has their values only."""
    tasks = """
    - a:
        call: http
        with:
          method: get
          endpoint: ${ "http://x/" + $secrets.key }
          headers: {X-Key: "${ $secrets.key }", X-Open: "1"}
          query: {q: 1, key: "${ $secrets.key }"}
    """
    start = {"document": document(tasks, use={"secrets": ["key"]}), "input": {}, "secrets": {"key": None}}
    outcome = await MemoryEngine(WorkflowProgram(), {"http": nothing}).run(start)

    (command,) = [command for command in outcome.commands if isinstance(command, CallActivity)]
    assert command.arguments["secret"] == ["X-Key", "key"]
    assert command.arguments["shown"] == f"http://x/{HIDDEN}"


@pytest.mark.parametrize("name", [".", ".."])
async def test_input_does_not_lead_out_of_a_uri(run, name):
    """A `{name}` is one step of the path."""
    outcome = await run("[{a: {call: http, with: {method: get, endpoint: 'http://x/{id}/b'}}}]", {"id": name})

    assert outcome.failure.type.endswith("/errors/configuration")
