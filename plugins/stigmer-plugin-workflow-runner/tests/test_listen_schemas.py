"""Schemas of what `listen` makes of each event: `foreach.output.schema` and `foreach.export.schema`."""

from __future__ import annotations

import pytest
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram

from stigmer_core.program import ActivityDone, CallActivity, Complete, Fail, Signal
from stigmer_core.testing.memory_engine import START

INTEGER = "schema: {document: {type: integer}}"
TASKS = "[{{a: {{listen: {{to: {{any: [], until: 'length == 2'}}}}, foreach: {{{}}}}}}}]"
FAULTS = [
    (f"output: {{{INTEGER}}}", "the output of an item does not fit its schema at /"),
    (f"output: {{as: '[.]', {INTEGER}}}", "the output of an item does not fit its schema at /"),
    (f"do: [{{s: {{set: {{x: 1}}}}}}], output: {{{INTEGER}}}", "the output of an item does not fit its schema at /"),
    (f"export: {{as: '{{n: .}}', {INTEGER}}}", "the context does not fit its schema at /"),
]


def listened(document, *values):
    """Return what a run asks for last that gets these values as the data of events."""
    program = WorkflowProgram()
    step = program.start({"document": document, "input": {}}, START)
    asked = next(command for command in step.commands if getattr(command, "activity", "") == "subscribe")
    step = program.advance(step.state, ActivityDone(asked.id, None, START))
    for number, value in enumerate(values):
        payload = {"specversion": "1.0", "id": str(number), "source": "/test", "type": "x", "data": value}
        step = program.advance(step.state, Signal(f"s{number}", "event", payload, START))
    return step.commands[-1]


FETCHED = "{any: [], until: 'length == 2'}}, foreach: {output: {schema: {resource: {endpoint: 'https://a/b'}}}}"


def called(step):
    """Return the one activity that a step asks for."""
    (call,) = [command for command in step.commands if isinstance(command, CallActivity)]
    return call


def fetched(document, schema, *values):
    """Return how a run ends whose items have a schema that is fetched."""
    program = WorkflowProgram()
    step = program.start({"document": document(f"[{{a: {{listen: {{to: {FETCHED}}}}}]"), "input": {}}, START)
    subscribed = called(step)
    step = program.advance(step.state, ActivityDone(subscribed.id, None, START))
    wanted = called(step)
    commands = []
    for number, value in enumerate(values):  # the first comes while the schema is fetched
        payload = {"specversion": "1.0", "id": str(number), "source": "/test", "type": "x", "data": value}
        step = program.advance(step.state, Signal(f"s{number}", "event", payload, START))
        commands += step.commands
        if number == 0:
            step = program.advance(step.state, ActivityDone(wanted.id, schema, START))
            commands += step.commands
    return commands[-1]


def test_schema_of_items_may_be_fetched(document):
    """It is there before the task listens; what came meanwhile is checked with it too."""
    ended = fetched(document, {"type": "integer"}, 1, 2)

    assert isinstance(ended, Complete)
    assert ended.output == [1, 2]


@pytest.mark.parametrize("values", [("text", 2), (1, "text")])
def test_item_that_does_not_fit_a_fetched_schema_faults_the_task(document, values):
    """With the standard validation error."""
    ended = fetched(document, {"type": "integer"}, *values)

    assert isinstance(ended, Fail)
    assert ended.failure.type.endswith("/errors/validation")
    assert ended.failure.instance == "/do/0/a"


@pytest.mark.parametrize(("foreach", "detail"), FAULTS)
def test_item_that_does_not_fit_faults_the_task(document, foreach, detail):
    """With the standard validation error: after `as`, with tasks for each event and without."""
    ended = listened(document(TASKS.format(foreach)), "text")

    assert isinstance(ended, Fail)
    assert ended.failure.type.endswith("/errors/validation")
    assert ended.failure.instance == "/do/0/a"
    assert detail in ended.failure.detail


def test_items_that_fit_are_put_out(document):
    """The schema is of each item, not of the list of them."""
    ended = listened(document(TASKS.format(f"output: {{as: '. * 2', {INTEGER}}}")), 1, 2)

    assert isinstance(ended, Complete)
    assert ended.output == [2, 4]


@pytest.mark.parametrize("key", ["output", "export"])
def test_bad_schema_of_an_item_is_a_problem_at_its_place(document, key):
    """Before anything runs, as every other schema."""
    (problem,) = check(document(TASKS.format(f"{key}: {{schema: {{document: {{type: strng}}}}}}")))

    assert problem.pointer == f"/do/0/a/foreach/{key}/schema/document/type"
