"""Schemas that stand elsewhere: fetched before they are needed, and checked as those that are written out."""

from __future__ import annotations

import httpx
import pytest
from kit_drivers import through_crashes
from loopback import served
from stigmer_plugin_workflow_runner.activities import activities
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from stigmer_plugin_workflow_runner.wiring import Wiring

from stigmer_core.program import ActivityFailed, CallActivity, Fail, Failure, RecoverRequested, TimerFired
from stigmer_core.testing.memory_engine import START

SCHEMAS = {"/x": '{"required": ["x"]}', "/bad": '{"type": "strng"}', "/remote": '{"$ref": "http://a/b"}', "/no": "5"}
PLACES = [
    "[{a: {input: SCHEMA, set: {y: 1}}}]",
    "[{a: {set: {y: 1}, output: SCHEMA}}]",
    "[{a: {set: {y: 1}, export: {as: ., SCHEMA}}}]",
]


def respond(request):
    """Answer with a schema."""
    known = SCHEMAS.get(request.url.path)
    return httpx.Response(404) if known is None else httpx.Response(200, content=known)


@pytest.fixture
async def server():
    """Serve the schemas; yield the base URL and what was asked for."""
    async with served(respond) as found:
        yield found


def at(place, url):
    """Return tasks with a schema at a URL."""
    schema = f"schema: {{resource: {{endpoint: '{url}'}}}}"
    return place.replace("{as: ., SCHEMA}", f"{{as: ., {schema}}}").replace("SCHEMA", f"{{{schema}}}")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/x", ("validation", '"x" is a required property')),
        ("/bad", ("configuration", "cannot be used")),
        ("/remote", ("configuration", "cannot be used")),
        ("/no", ("configuration", "is no schema")),
        ("/missing", ("communication", "404")),
    ],
)
async def test_fault(run, server, place, path, fault):
    """The task faults with the standard error: its value, its schema or the network is to blame."""
    ready = activities(Wiring(), allow=["127.0.0.1"])
    failure = (await run(at(place, server[0] + path), {}, activities=ready)).failure

    assert failure.type.endswith(f"/{fault[0]}")
    assert failure.instance == "/do/0/a"
    assert fault[1] in failure.detail


@pytest.mark.parametrize("place", PLACES)
async def test_value_that_fits(run, server, place):
    """The run goes on, as with a schema that is written out."""
    ready = activities(Wiring(), allow=["127.0.0.1"])
    tasks = at(place, f"{server[0]}/x").replace("y: 1", "x: 1")

    assert (await run(tasks, {"x": 1}, activities=ready)).output == {"x": 1}


async def test_schemas_of_the_workflow_and_of_a_loop_are_fetched_once(run, server):
    """They are kept in the run's state."""
    ready, schema = activities(Wiring(), allow=["127.0.0.1"]), {"resource": {"endpoint": f"{server[0]}/x"}}
    inner = at("[{a: {set: {x: 1}, output: SCHEMA}}]", f"{server[0]}/x")
    tasks = f"[{{l: {{for: {{in: '[1, 2, 3]'}}, do: {inner}}}}}]"
    sections = {"input": {"schema": schema}, "output": {"schema": schema}}

    assert (await run(tasks, {"x": 0}, activities=ready, **sections)).output == {"x": 1}
    assert len(server[1]) == 1


@pytest.mark.parametrize("place", PLACES)
def test_timeout_holds_while_a_schema_is_fetched(document, place):
    """A server that never answers does not stop a task that may take a second."""
    tasks = at(place, "http://example.com/x").replace("{a: {", "{a: {timeout: {after: PT1S}, ")
    program = WorkflowProgram()
    step = program.start({"document": document(tasks), "input": {}}, START)

    assert [command.activity for command in step.commands if isinstance(command, CallActivity)] == ["schema"]
    ended = program.advance(step.state, TimerFired("/do/0/a?timeout", START)).commands[-1]
    assert isinstance(ended, Fail)
    assert ended.failure.type.endswith("/timeout")


def test_resource_without_an_endpoint_is_a_problem(document):
    """Before anything runs."""
    (problem,) = check(document("[{a: {set: {x: 1}, output: {schema: {resource: {name: x}}}}}]"))

    assert problem.pointer == "/do/0/a/output/schema/resource"


def test_run_that_is_recovered_fetches_again(document):
    """Under another id: what failed once is not the answer for ever."""
    program = WorkflowProgram()
    failure = Failure("https://serverlessworkflow.io/spec/1.0.0/errors/communication", "Communication Error", 500, "")
    step = program.start({"document": document(at(PLACES[1], "http://example.com/x")), "input": {}}, START)
    first = step.commands[-1]
    step = program.advance(step.state, ActivityFailed(first.id, failure, START))
    assert isinstance(step.commands[-1], Fail)

    step = program.advance(step.state, RecoverRequested("r", START))

    again = step.commands[-1]
    assert (again.activity, again.arguments) == (first.activity, first.arguments)
    assert again.id != first.id


@pytest.mark.parametrize("place", PLACES)
async def test_crash_around_a_fetch_changes_nothing(document, server, place):
    """Before and after each write, so between the fetch and its answer too: the run goes on to the same output."""
    ready = activities(Wiring(), allow=["127.0.0.1"])
    tasks = at(place, f"{server[0]}/x").replace("y: 1", "x: 1")

    ended = await through_crashes(document(tasks), {"x": 1}, ready, {})

    assert (ended.output, ended.failure) == ({"x": 1}, None)


async def test_where_a_schema_is_counts_as_of_before_the_export(run, server):
    """An export changes the context that the URI of its own schema reads; the schema is the one that was fetched."""
    schema = f'schema: {{resource: {{endpoint: \'${{ "{server[0]}/" + ($context.name // "x") }}\'}}}}'
    tasks = f"[{{a: {{set: {{x: 1}}, export: {{as: '{{name: \"missing\", x: 1}}', {schema}}}}}}}]"

    outcome = await run(tasks, {}, activities=activities(Wiring(), allow=["127.0.0.1"]))

    assert outcome.output == {"x": 1}
    assert [request.url.path for request in server[1]] == ["/x"]
