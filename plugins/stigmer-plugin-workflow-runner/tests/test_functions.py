"""Functions of a document, and functions that are defined elsewhere."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
import yaml
from stigmer_plugin_workflow_runner.activities import activities
from stigmer_plugin_workflow_runner.activities.function import LARGEST
from stigmer_plugin_workflow_runner.program.calls._catalog import raw_uri
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from stigmer_plugin_workflow_runner.program.secrets import HIDDEN
from stigmer_plugin_workflow_runner.wiring import Wiring

from stigmer_core.testing.memory_engine import MemoryEngine

GREET = {"greet": {"set": {"hello": "${ .name }", "context": "${ $context }"}}}
INCREMENT = """
input: {schema: {document: {type: object, required: [n], properties: {n: {type: integer}}}}}
set: {n: '${ .n + 1 }', secrets: '${ $secrets }', context: '${ $context }'}
"""


async def test_function_gets_its_arguments_and_nothing_else(run):
    """Its input is what `with` makes of the caller's; the output is the task's."""
    call = "{call: greet, with: {name: '${ .who }'}, output: {as: .hello}}"

    assert (await run(f"[{{a: {call}}}]", {"who": "Ada"}, use={"functions": GREET})).output == "Ada"
    assert (await run("[{a: {call: greet}}]", {"name": "x"}, use={"functions": GREET})).output["hello"] is None


async def test_function_calls_functions(run):
    """As any task does, in loops too; a loop's variables are its own."""
    functions = {"twice": {"do": [{"x": {"call": "greet", "with": {"name": "${ .name + .name }"}}}]}, **GREET}
    tasks = "[{l: {for: {in: '[1, 2]'}, do: [{a: {call: twice, with: {name: '${ $item }'}}}]}}]"

    assert (await run(tasks, use={"functions": functions})).output["hello"] == 4


async def test_fault_in_a_function_says_where_it_is_defined(run):
    """The instance is the place in the document; the caller can catch it."""
    functions = {"bad": {"raise": {"error": {"type": "x", "status": 418}}}}
    tasks = "[{t: {try: [{a: {call: bad}}], catch: {do: [{c: {set: '${ [$error.status, $error.instance] }'}}]}}}]"

    assert (await run(tasks, use={"functions": functions})).output == [418, "/use/functions/bad"]


WRONG = [
    ({"f": {"call": "f"}}, "/use/functions/f", "calls itself"),
    ({"f": {"do": [{"a": {"call": "g"}}]}, "g": {"call": "f"}}, "/use/functions/f", "calls itself"),
    ({f"f{at}": {"call": f"f{at + 1}"} for at in range(9)} | {"f9": {"set": {"x": 1}}}, "/use/functions/f0", "8 deep"),
    ({"http": {"set": {"x": 1}}}, "/use/functions/http", "a call of its own"),
    ({"f": {"set": "${ $item }"}}, "/use/functions/f/set", "$item is not defined here"),
    ({"f": 1}, "/use/functions/f", "not an object"),
    ([], "/use/functions", "is an object"),
]


@pytest.mark.parametrize(("functions", "pointer", "message"), WRONG)
def test_bad_function_is_a_problem_at_its_place(document, functions, pointer, message):
    """Also when nothing calls it; and no function calls itself, so that every call ends."""
    problems = check(document("[{a: {set: {x: 1}}}]", use={"functions": functions}))

    assert any(problem.pointer == pointer and message in str(problem) for problem in problems), problems


def test_call_of_nothing_names_what_there_is(document):
    """Protocols and functions alike."""
    (problem,) = check(document("[{a: {call: gret}}]", use={"functions": GREET}))

    assert (problem.pointer, problem.hint) == ("/do/0/a/call", "did you mean 'greet'?")


@pytest.mark.parametrize(
    ("uri", "raw"),
    [
        ("https://github.com/o/r/tree/v1/f/function.yaml", "https://raw.githubusercontent.com/o/r/v1/f/function.yaml"),
        (
            "https://github.com/o/r/functions/f/1/function.yaml",
            "https://raw.githubusercontent.com/o/r/HEAD/functions/f/1/function.yaml",
        ),
        ("https://github.com/o/r/f@v2", "https://raw.githubusercontent.com/o/r/v2/f/function.yaml"),
        ("https://gitlab.com/o/r/-/blob/main/f.yaml", "https://gitlab.com/o/r/-/raw/main/f.yaml"),
        ("https://example.com/tree/f.yaml", "https://example.com/tree/f.yaml"),
    ],
)
def test_pages_of_repositories_stand_for_their_files(uri, raw):
    """The DSL asks for it."""
    assert raw_uri(uri) == raw


@asynccontextmanager
async def catalog(files):
    """Serve files by their paths; yield the URI and the paths that were asked for."""
    asked = []

    async def handle(reader, writer):
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        asked.append(path)
        head = f"HTTP/1.1 {'200 OK' if path in files else '404 Not Found'}\r\nContent-Length: "
        body = files.get(path, "").encode()
        writer.write(f"{head}{len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


@pytest.fixture
def remote(document):
    """Return a function that runs a call of `function` with catalogs, through the real transport."""

    async def go(call, endpoint, files=None, **arguments):
        tasks = yaml.safe_dump([{"a": {"call": call, "with": arguments}}, {"b": {"call": call, "with": arguments}}])
        use = {"catalogs": {"mine": {"endpoint": endpoint}}, "secrets": ["token"]}
        program, ready = WorkflowProgram(), activities(Wiring(), allow=["127.0.0.0/8"])
        run = {"document": document(tasks, use=use), "input": {}, "secrets": {"token": None}}
        return await MemoryEngine(program, ready, {"workflow": program}).run(run)

    return go


PATH = "/functions/increment/1.0.0/function.yaml"
CALL = "increment:1.0.0@mine"


async def test_function_of_a_catalog(remote):
    """It is fetched once for a while, and sees its arguments alone: no secrets, no context."""
    async with catalog({PATH: INCREMENT}) as (uri, asked):
        outcome = await remote(CALL, uri, n=1)

    assert outcome.output == {"n": 2, "secrets": {}, "context": {}}
    assert asked == [PATH]


async def test_function_of_a_url(remote):
    """Without a catalog."""
    async with catalog({"/f.yaml": INCREMENT}) as (uri, _):
        assert (await remote(f"{uri}/f.yaml", uri, n=41)).output["n"] == 42


FAULTS = [
    (INCREMENT, "x", "validation", "the input does not fit its schema at /n"),
    ("set: [", 1, "configuration", "is no function"),
    ("[1]", 1, "configuration", "expected one object"),
    ("a: &x [1]\nb: *x", 1, "configuration", "is not allowed"),
    ("sett: {x: 1}", 1, "configuration", "the task does nothing"),
    ("x" * (LARGEST + 1), 1, "communication", "more than"),
]


@pytest.mark.parametrize(("text", "n", "kind", "detail"), FAULTS, ids=[case[3] for case in FAULTS])
async def test_bad_function_faults_its_caller(remote, text, n, kind, detail):
    """In words; the instance is the call."""
    async with catalog({PATH: text}) as (uri, _):
        failure = (await remote(CALL, uri, n=n)).failure

    assert failure.type.endswith(kind)
    assert detail in failure.detail
    assert failure.instance == "/do/0/a"


async def test_function_cannot_make_up_a_secret(remote):
    """One that forges the mark of its caller's secret sends nothing."""
    forged = "${ [1005537, 116, 111, 107, 101, 110, 1005538] | implode }"
    text = yaml.safe_dump(
        {"call": "http", "with": {"method": "post", "endpoint": "http://127.0.0.1:1", "body": forged}}
    )
    async with catalog({PATH: text}) as (uri, _):
        failure = (await remote(CALL, uri, n=1)).failure

    assert failure.detail == "the run does not declare the secret 'token'"


async def test_data_from_outside_cannot_ask_for_secrets(document):
    """Marks in a run's input, in signals and in answers are not marks."""
    tasks = "[{a: {call: http, with: {method: post, endpoint: 'http://x', body: '${ . }'}}}]"
    value = {"x": "\U000f57e1token\U000f57e2"}
    sent = []

    async def http(arguments, _context):
        sent.append(arguments["body"])

    run = {"document": document(tasks, use={"secrets": ["token"]}), "input": value, "secrets": {"token": None}}
    await MemoryEngine(WorkflowProgram(), {"http": http}).run(run)

    assert sent == [{"x": HIDDEN}]


async def test_function_that_cannot_be_had_is_a_communication_error(remote):
    """With the status of the answer."""
    async with catalog({}) as (uri, _):
        failure = (await remote(CALL, uri, n=1)).failure

    assert (failure.type.rpartition("/")[2], failure.status) == ("communication", 404)


async def test_address_that_no_workflow_may_reach_is_a_configuration_error(remote):
    """As with every call."""
    assert (await remote(CALL, "http://169.254.169.254", n=1)).failure.type.endswith("configuration")


@pytest.mark.parametrize("name", ["f@", "@mine", "f@mine", "f:1.0.0@other"])
def test_name_without_a_catalog_is_a_problem(document, name):
    """Before anything runs."""
    use = {"catalogs": {"mine": {"endpoint": "http://x"}}}

    assert [problem.pointer for problem in check(document(f"[{{a: {{call: '{name}'}}}}]", use=use))] == ["/do/0/a/call"]
