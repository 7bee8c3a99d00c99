"""`call: a2a`, against a small agent on a socket."""

from __future__ import annotations

import json

import httpx
import pytest
from loopback import served
from stigmer_plugin_workflow_runner.activities.a2a import A2aActivity
from stigmer_plugin_workflow_runner.activities.descriptions import Descriptions
from stigmer_plugin_workflow_runner.activities.http import HttpActivity
from stigmer_plugin_workflow_runner.program.compiler import check

from stigmer_core.program import ActivityContext, ActivityError

CONTEXT = ActivityContext("run-1", "/do/0/a", 1)
BEARER = {"bearer": {"token": "t"}}
MESSAGE = {"message": {"parts": [{"kind": "text", "text": "hi"}]}}


@pytest.fixture
async def agent():
    """Return an activity that may reach this machine."""
    http = HttpActivity(allow=["127.0.0.0/8"])
    yield A2aActivity(http, Descriptions(http))
    await http.close()


def answering(request):
    """Answer as an agent does: with what it was asked, in two events where it streams."""
    if request.url.path == "/card.json":
        return httpx.Response(200, json={"url": "/rpc", "preferredTransport": "JSONRPC"})
    if request.url.path == "/new.json":
        return httpx.Response(200, json={"supportedInterfaces": [{"url": "/rpc", "protocolBinding": "JSONRPC"}]})
    if request.url.path == "/other.json":
        return httpx.Response(200, json={"url": "/rpc", "preferredTransport": "GRPC"})
    asked = json.loads(request.content)
    if asked["method"] == "tasks/get":
        error = {"code": -32001, "message": "Task not found"}
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": asked["id"], "error": error})
    answer = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": asked["params"]})
    if asked["method"] == "message/stream":
        return httpx.Response(200, content=f"data: {answer}\n\n" * 2, headers={"content-type": "text/event-stream"})
    return httpx.Response(200, content=answer, headers={"content-type": "application/json"})


@pytest.mark.parametrize("name", ["card.json", "new.json"])
async def test_agent_is_where_its_card_says(agent, name):
    """A message gets what it lacks, the same for a repeated call; credentials stay with the card's origin."""
    async with served(answering) as (uri, seen):
        card = {"uri": f"{uri}/{name}", "authentication": BEARER}
        one, same = [
            await agent({"card": card, "method": "message/send", "parameters": MESSAGE}, CONTEXT) for _ in range(2)
        ]

    assert one == same
    assert one["message"]["role"] == "user"
    assert len(one["message"]["messageId"]) == 36
    assert [request.url.path for request in seen] == [f"/{name}", "/rpc", "/rpc"]
    assert seen[1].headers["authorization"] == "Bearer t"


async def test_stream_is_a_list_of_its_results(agent):
    """In their order."""
    async with served(answering) as (uri, _seen):
        got = await agent({"server": {"uri": uri}, "method": "message/stream", "parameters": {"n": 1}}, CONTEXT)

    assert got == [{"n": 1}, {"n": 1}]


async def test_error_of_the_agent_is_a_runtime_error(agent):
    """As the DSL says, with what the agent says."""
    async with served(answering) as (uri, _seen):
        with pytest.raises(ActivityError, match="-32001: Task not found") as caught:
            await agent({"server": {"uri": uri}, "method": "tasks/get", "parameters": {"id": "1"}}, CONTEXT)

    assert caught.value.failure.type.endswith("/errors/runtime")


async def test_agent_that_speaks_something_else(agent):
    """Only JSON-RPC is spoken here."""
    async with served(answering) as (uri, _seen):
        with pytest.raises(ActivityError, match="speaks JSON-RPC"):
            await agent({"card": {"uri": f"{uri}/other.json"}, "method": "tasks/list"}, CONTEXT)


@pytest.mark.parametrize("answer", ["data: nothing\n\n", "data: [1]\n\n", "", '{"id": 1}'])
async def test_answer_that_is_no_json_rpc_is_a_communication_error(agent, answer):
    """Whatever it is."""
    async with served(lambda _request: httpx.Response(200, content=answer)) as (uri, _seen):
        with pytest.raises(ActivityError) as caught:
            await agent({"server": {"uri": uri}, "method": "tasks/list"}, CONTEXT)

    assert caught.value.failure.type.endswith("/errors/communication")


WRONG = [
    ({"method": "message/send"}, "/with", "an 'agentCard' or a 'server'"),
    ({"method": "message/sent", "server": "http://x"}, "/with/method", "did you mean 'message/send'"),
    ({"method": "tasks/list", "agentCard": {}}, "/with/agentCard", "has an 'endpoint'"),
    ({"method": "tasks/list", "server": "http://x", "parameters": "x"}, "/with/parameters", "is an object"),
]


@pytest.mark.parametrize(("arguments", "pointer", "message"), WRONG)
def test_call_that_cannot_work_is_a_problem(document, arguments, pointer, message):
    """At its place, before anything runs."""
    problems = check(document(f"[{{a: {{call: a2a, with: {json.dumps(arguments)}}}}}]"))

    assert any(problem.pointer.endswith(pointer) and message in str(problem) for problem in problems), problems


async def test_card_comes_before_server(run):
    """A server is not looked at when there is a card; parameters may come from an expression."""
    seen = []

    async def activity(arguments, _context):
        seen.append(arguments)

    where = "agentCard: {endpoint: 'http://c'}, server: 'http://s'"
    tasks = f"[{{a: {{call: a2a, with: {{{where}, method: tasks/list, parameters: '${{ . }}'}}}}}}]"
    await run(tasks, {"n": 1}, activities={"a2a": activity})

    card = {"uri": "http://c", "authentication": None}
    assert seen == [{"method": "tasks/list", "parameters": {"n": 1}, "card": card}]
