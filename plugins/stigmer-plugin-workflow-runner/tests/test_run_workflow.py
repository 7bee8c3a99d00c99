"""`run: workflow`: a child run, found by its reference, and what its end means for the task."""

from __future__ import annotations

import pytest
import yaml
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from stigmer_plugin_workflow_runner.program.subflow import DEEPEST

from stigmer_core.program import (
    ActivityDone,
    ActivityError,
    CallActivity,
    ChildDone,
    Failure,
    RecoverRequested,
    StartChild,
)
from stigmer_core.testing.memory_engine import START, MemoryEngine

CHILDREN = {
    "double": "[{d: {set: {y: '${ .x * 2 }'}}}]",
    "boom": "[{b: {raise: {error: {type: 'https://tests/boom', status: 418, title: Boom}}}}]",
    "long": "[{w: {wait: PT1H}}]",
    "again": "[{r: {run: {workflow: {namespace: test, name: again}}}}]",
    "ask": "[{c: {call: http, with: {method: get, endpoint: 'http://x', headers: {t: '${ $secrets.token }'}}}}]",
    "place": "[{p: {set: '${ $workflow.id }'}}]",
}


@pytest.fixture
def runs(document):
    """Return a function that runs one task `run: workflow`, with a library of children."""

    async def find(arguments, _context):
        if arguments["name"] not in CHILDREN:
            raise ActivityError(Failure("https://x/errors/configuration", "Configuration Error", 400, "none"))
        child = document(CHILDREN[arguments["name"]], use={"secrets": ["token"]} if arguments["name"] == "ask" else {})
        return {"document": child}

    async def echo(arguments, _context):
        return arguments

    async def go(tasks, value=None, *, secrets=None, cancel_after=None, **sections):
        found = {"find_workflow": find, "start_workflow": echo, "http": echo}
        engine = MemoryEngine(WorkflowProgram(), found, {"workflow": WorkflowProgram()}, cancel_after=cancel_after)
        run = {"id": "wex", "document": document(tasks, **sections), "input": value or {}, "secrets": secrets or {}}
        return await engine.run(run)

    return go


def task(name, **more):
    """Return one task that runs a workflow, as YAML."""
    workflow = {"namespace": "test", "name": name, "version": "1.0.0", **more.pop("workflow", {})}
    return yaml.safe_dump([{"a": {"run": {"workflow": workflow, **more}}}])


async def test_output_of_the_child_is_the_task_s(runs):
    """Its input is what `input` says, or the task's own."""
    given = await runs(task("double", workflow={"input": {"x": "${ .n }"}}), {"n": 2})
    own = await runs(task("double"), {"x": 3})

    assert (given.output, own.output) == ({"y": 4}, {"y": 6})


@pytest.mark.parametrize(("version", "lookups"), [("1.0.0", 1), ("latest", 3)])
async def test_exact_version_is_looked_up_once_in_a_run(runs, version, lookups):
    """A loop does not look for the same document each time; the latest may be another one by then."""
    inner = yaml.safe_load(task("double", workflow={"version": version, "input": {"x": "${ $n }"}}))
    outcome = await runs(yaml.safe_dump([{"l": {"for": {"each": "n", "in": "${ [1, 2, 3] }"}, "do": inner}}]))

    calls = [command.activity for command in outcome.commands if isinstance(command, CallActivity)]
    assert calls == ["find_workflow"] * lookups
    assert outcome.output == {"y": 6}


def test_recovered_run_looks_a_workflow_up_again(document):
    """Somebody may have mended it."""
    program, child = WorkflowProgram(), document(CHILDREN["boom"])
    step = program.start({"id": "wex", "document": document(task("boom")), "input": {}}, START)
    (find,) = [command for command in step.commands if isinstance(command, CallActivity)]
    step = program.advance(step.state, ActivityDone(find.id, {"document": child}, START))
    (run,) = [command for command in step.commands if isinstance(command, StartChild)]
    step = program.advance(step.state, ChildDone(run.id, None, Failure("https://x/boom", "Boom"), START))

    again = program.advance(step.state, RecoverRequested("recover", START))

    assert [one.activity for one in again.commands if isinstance(one, CallActivity)] == ["find_workflow"]


async def test_error_of_the_child_is_the_task_s(runs):
    """It can be caught like any other; the place is the task's."""
    outcome = await runs(task("boom"))

    assert (outcome.failure.type, outcome.failure.status) == ("https://tests/boom", 418)
    assert outcome.failure.instance == "/do/0/a"


async def test_workflow_that_is_not_there(runs):
    """The task faults with what the search says."""
    assert (await runs(task("nobody"))).failure.detail == "none"


async def test_timeout_of_the_task_reaches_the_child(runs):
    """The child is cancelled, and the task faults."""
    tasks = yaml.safe_load(task("long"))
    tasks[0]["a"]["timeout"] = {"after": "PT1S"}
    outcome = await runs(yaml.safe_dump(tasks))

    assert outcome.failure.status == 408


async def test_workflow_that_runs_itself_comes_to_an_end(runs):
    """With the error of the innermost, which passes through all of them."""
    outcome = await runs(task("again"))

    assert outcome.failure.type.endswith("/runtime")
    assert f"more than {DEEPEST} deep" in outcome.failure.detail


async def test_child_sees_the_secrets_that_its_parent_declares(runs):
    """And only their marks, as everybody."""
    outcome = await runs(task("ask"), secrets={"token": None}, use={"secrets": ["token"]})
    without = await runs(task("ask"), secrets={"token": None})

    assert outcome.failure is None
    assert without.failure.type.endswith("/authorization")


async def test_secret_in_the_input_of_a_child_stays_a_mark(runs):
    """What the run records of its child has no value in it."""
    given = {"input": {"x": "${ $secrets.token }"}}
    outcome = await runs(task("place", workflow=given), secrets={"token": None}, use={"secrets": ["token"]})

    (child,) = [command for command in outcome.commands if isinstance(command, StartChild)]
    assert "token" in child.input["input"]["x"]
    assert outcome.output == "wex/do/0/a"


async def test_workflow_for_which_nobody_waits(runs):
    """It is started as a run of its own, and the output is the task's input."""
    outcome = await runs(task("double", workflow={"input": {"x": 1}}, **{"await": False}), {"n": 1})

    (call,) = [command for command in outcome.commands if isinstance(command, CallActivity)]
    assert (call.activity, call.arguments["input"]) == ("start_workflow", {"x": 1})
    assert outcome.output == {"n": 1}


async def test_secret_is_not_given_to_what_nobody_waits_for(runs):
    """The input of such a run is stored for everybody to read."""
    tasks = task("double", workflow={"input": {"x": "${ $secrets.token }"}}, **{"await": False})
    outcome = await runs(tasks, secrets={"token": None}, use={"secrets": ["token"]})

    assert "secrets cannot be given" in outcome.failure.detail


WRONG = [
    ("{}", "/do/0/a/run", "one of container"),
    ("{shell: {command: x}, script: {}}", "/do/0/a/run", "'script' and 'shell'"),
    ("{shell: {}}", "/do/0/a/run/shell", "'command' is required"),
    ("{shell: {command: x, argments: []}}", "/do/0/a/run/shell/argments", "did you mean 'arguments'"),
    ("{shell: {command: x}, return: output}", "/do/0/a/run/return", "stdout, stderr"),
    ("{shell: {command: x}, await: soon}", "/do/0/a/run/await", "true or false"),
    ("{script: {language: ruby, code: x}}", "/do/0/a/run/script/language", "python or javascript"),
    ("{script: {language: python}}", "/do/0/a/run/script", "either 'code' or 'source'"),
    ("{script: {language: python, source: {}}}", "/do/0/a/run/script/source", "'endpoint'"),
    ("{container: {image: x, ports: {80: 80}}}", "", "the key 80"),
    ("{container: {image: x, ports: {'80': 80}}}", "/do/0/a/run/container/ports", "not supported"),
    ("{container: {image: x, volumes: {/a: /b}}}", "/do/0/a/run/container/volumes", "not supported"),
    ("{container: {image: x, lifetime: {cleanup: eventually}}}", "/lifetime/cleanup", "always or never"),
    ("{container: {command: x}}", "/do/0/a/run/container", "'image' is required"),
    ("{workflow: {name: x}}", "/do/0/a/run/workflow", "'namespace'"),
    ("{workflow: {namespace: x, name: y, version: 1}}", "/do/0/a/run/workflow/version", "quotes"),
    ("{workflow: {namespace: x, name: y}, return: all}", "/do/0/a/run/return", "for processes"),
]


@pytest.mark.parametrize(("definition", "pointer", "message"), WRONG)
def test_problem_of_a_run_has_its_place(document, definition, pointer, message):
    """What is wrong is said before it runs."""
    problems = check(document(f"[{{a: {{run: {definition}}}}}]"))

    assert any(pointer in problem.pointer and message in str(problem) for problem in problems), problems
