"""`call: mcp`, against servers made with the protocol's SDK: on a socket, and as processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from stigmer_plugin_workflow_runner.activities.mcp import McpActivity
from stigmer_plugin_workflow_runner.activities.process import Processes
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from stigmer_plugin_workflow_runner.program.secrets import named

from stigmer_core.program import ActivityContext, ActivityError
from stigmer_core.testing.memory_engine import MemoryEngine

CONTEXT = ActivityContext("run-1", "/do/0/a", 1)
OFFERING = Path(__file__).with_name("mcp_offering.py")


def asking(method, parameters=None, version="2025-06-18", **transport):
    """Return the arguments of a call."""
    client = {"name": "test", "version": "1"}
    heading = {"method": method, "parameters": parameters or {}, "protocolVersion": version, "client": client}
    return {**heading, **transport}


@pytest.fixture(scope="module", params=["stdio", "http", "http json"])
def transport(request):
    """Return the transport to a server of the SDK: as a process, with streams of events, and with JSON."""
    if request.param == "stdio":
        arguments = [str(OFFERING), "stdio", "x"]
        yield {"stdio": {"command": sys.executable, "arguments": arguments, "environment": {"REGION": "eu"}}}
        return
    command = [sys.executable, str(OFFERING), *request.param.split()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield {"http": {"uri": process.stdout.readline().strip()}}
        process.kill()


@pytest.fixture
async def mcp():
    """Return an activity that may reach this machine, and whose processes may read the SDK."""
    activity = McpActivity(Processes(), allow=["127.0.0.0/8"], readable=[Path(sys.prefix), OFFERING])
    yield activity
    await activity.close()


ASKED = [
    ("tools/list", {}, lambda result: [tool["name"] for tool in result["tools"]], ["add", "started"]),
    ("tools/call", {"name": "add", "arguments": {"one": 1, "other": 2}}, lambda r: r["content"][0]["text"], "3"),
    ("prompts/list", {}, lambda result: [prompt["name"] for prompt in result["prompts"]], ["greet"]),
    (
        "prompts/get",
        {"name": "greet", "arguments": {"name": "Ann"}},
        lambda result: result["messages"][0]["content"]["text"],
        "Say hello to Ann.",
    ),
    ("resources/list", {}, lambda result: [resource["uri"] for resource in result["resources"]], ["text://motto"]),
    ("resources/read", {"uri": "text://motto"}, lambda r: r["contents"][0]["text"], "small is beautiful"),
    ("resources/templates/list", {}, lambda r: r["resourceTemplates"][0]["uriTemplate"], "issue://{number}"),
]


@pytest.mark.parametrize("asked", ASKED, ids=[asked[0] for asked in ASKED])
async def test_result_of_each_method(mcp, transport, asked):
    """Over every transport the output is the result of JSON-RPC."""
    method, parameters, part, expected = asked
    result = await mcp(asking(method, parameters, **transport), CONTEXT)

    assert part(result) == expected


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-11-25"])
async def test_other_versions(mcp, transport, version):
    """A server that knows a version speaks it."""
    assert await mcp(asking("tools/list", version=version, **transport), CONTEXT)


async def test_error_of_the_server_is_a_runtime_error(mcp, transport):
    """With what the server says; a tool that fails is a result instead, as the protocol has it."""
    with pytest.raises(ActivityError, match="the server answered with error 0: Unknown prompt") as caught:
        await mcp(asking("prompts/get", {"name": "none"}, **transport), CONTEXT)
    result = await mcp(asking("tools/call", {"name": "add", "arguments": {"one": "x"}}, **transport), CONTEXT)

    assert caught.value.failure.type.endswith("/errors/runtime")
    assert result["isError"] is True


WRONG = [
    ({"transport": {"http": {"endpoint": "http://x"}}}, "/with/method", "unknown method None"),
    ({"method": ["tools/list"]}, "/with/method", "unknown method"),
    ({"method": "tools/lists"}, "/with/method", "did you mean 'tools/list'"),
    ({"method": "tools/list", "transport": {}}, "/with/transport", "one transport"),
    ({"method": "tools/list", "transport": {"http": {}, "stdio": {}}}, "/with/transport", "one transport"),
    ({"method": "tools/list", "transport": {"http": {}}}, "/with/transport/http/endpoint", "has a URI"),
    ({"method": "tools/list", "transport": {"stdio": {}}}, "/with/transport/stdio", "has a 'command'"),
    ({"transport": {"stdio": {"command": "x", "arguments": "y"}}}, "/with/transport/stdio/arguments", "a list"),
    ({"transport": {"stdio": {"command": "x", "environment": []}}}, "/with/transport/stdio/environment", "an object"),
    ({"transport": {"stdio": {"command": "${ . | }"}}}, "/with/transport/stdio/command", "cannot be used"),
    ({"transport": {"options": {}}}, "/with/transport/options", "unknown key"),
    ({"transport": {"http": {"endpoint": "http://x", "headers": "y"}}}, "/with/transport/http/headers", "an object"),
    ({"method": "tools/call"}, "/with", "have a 'name'"),
    ({"method": "resources/read", "parameters": {"name": "x"}}, "/with/parameters", "have a 'uri'"),
    ({"parameters": "x"}, "/with/parameters", "an object"),
    ({"protocolVersion": "2026"}, "/with/protocolVersion", "unknown version '2026'"),
    ({"client": {"name": "x"}}, "/with/client", "has a 'version'"),
    ({"timeout": "soon"}, "/with/timeout", "not a duration"),
]


@pytest.mark.parametrize(("arguments", "pointer", "message"), WRONG)
def test_call_that_cannot_work_is_a_problem(document, arguments, pointer, message):
    """At its place, before anything runs."""
    problems = check(document(f"[{{a: {{call: mcp, with: {json.dumps(arguments)}}}}}]"))

    assert any(problem.pointer.endswith(pointer) and message in str(problem) for problem in problems), problems


async def test_activity_gets_what_the_document_says(document):
    """Expressions are evaluated, durations are seconds, and the names of secret values are told."""
    seen = []

    async def activity(arguments, _context):
        seen.append(arguments)

    stdio = "{command: server, arguments: ['${ .n }'], environment: {KEY: '${ $secrets.key }'}}"
    call = f"{{method: tools/list, timeout: PT2S, parameters: '${{ . }}', transport: {{stdio: {stdio}}}}}"
    made = document(f"[{{a: {{call: mcp, with: {call}}}}}]", use={"secrets": ["key"]})
    engine = MemoryEngine(WorkflowProgram(), {"mcp": activity})
    outcome = await engine.run({"document": made, "input": {"n": 1}, "secrets": {"key": None}})

    assert outcome.failure is None
    assert named(seen[0]["stdio"].pop("environment")) == {"key"}
    expected = asking("tools/list", {"n": 1}, stdio={"command": "server", "arguments": [1], "secret": ["KEY"]})
    assert seen == [{**expected, "client": {"name": "stigmer", "version": "1"}, "timeoutSeconds": 2.0}]


async def test_server_is_a_process_like_any_other(mcp):
    """It gets of the server's environment what every process gets, and what its transport names."""
    stdio = {"command": sys.executable, "arguments": [str(OFFERING), "stdio", 7], "environment": {"REGION": "eu"}}
    result = await mcp(asking("tools/call", {"name": "started"}, stdio=stdio), CONTEXT)

    assert result["content"][0]["text"] == "['HOME', 'LANG', 'PATH', 'REGION', 'TMPDIR'] eu ['7']"
