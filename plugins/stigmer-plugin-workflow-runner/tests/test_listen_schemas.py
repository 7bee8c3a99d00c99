"""Schemas of what `listen` makes of each event: `foreach.output.schema` and `foreach.export.schema`."""

from __future__ import annotations

import pytest
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram

from stigmer_core.program import ActivityDone, Complete, Fail, Signal
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
