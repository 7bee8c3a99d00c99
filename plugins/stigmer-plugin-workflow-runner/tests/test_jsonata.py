"""`call: stigmer:jsonata`: expressions in a process of their own, with limits."""

from __future__ import annotations

import pytest
from stigmer_plugin_workflow_runner.activities import jsonata
from stigmer_plugin_workflow_runner.activities.jsonata import JsonataActivity
from stigmer_plugin_workflow_runner.activities.process import Processes
from stigmer_plugin_workflow_runner.checking import Check
from stigmer_plugin_workflow_runner.notifications import Notifications

ORDER = {"items": [{"price": 2, "n": 3}, {"price": 5, "n": 1}], "name": "é"}


@pytest.fixture
def transform(run):
    """A function that runs one expression over a value."""

    async def go(expression, value=None, seconds=10):
        activity = JsonataActivity(Processes(), seconds=seconds)
        task = {"call": "stigmer:jsonata", "with": {"expression": expression}}
        return await run(f"[{{a: {task!r}}}]", ORDER if value is None else value, activities={"jsonata": activity})

    return go


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$sum(items.(price * n))", 11),
        ("items[price > 3]", {"price": 5, "n": 1}),
        ("{'who': name, 'all': items.price}", {"who": "é", "all": [2, 5]}),
        ("nothing", None),
    ],
)
async def test_the_value_of_an_expression_is_the_output(transform, expression, value):
    """As JSONata has it; no value is null."""
    assert (await transform(expression)).output == value


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("items[", "Expected ]"),
        ("$error('no ' & name)", "no é"),
        ("function($x) { $x }", "none of JSON"),
        ("($f := function($x) { 1 + $f($x) }; $f(1))", "overflow"),
    ],
)
async def test_an_expression_that_fails_faults(transform, expression, why):
    """As the standard expression error, which a `try` may catch."""
    failure = (await transform(expression)).failure

    assert failure.type.endswith("expression")
    assert why in failure.detail


async def test_an_endless_expression_ends(transform):
    """After its time of the processor; nothing else waits for it."""
    failure = (await transform("($f := function($x) { $f($x) }; $f(1))", seconds=1)).failure

    assert failure.detail == "the expression took more than 1 s of processor, or too much memory"


async def test_an_expression_of_data_is_text(transform):
    """What comes in is not evaluated."""
    assert (await transform("name", {"name": "$sum([1,2])"})).output == "$sum([1,2])"


async def test_without_the_library_the_task_says_what_to_install(transform, monkeypatch):
    """As a configuration error."""
    monkeypatch.setattr(jsonata, "library", lambda: None)

    failure = (await transform("name")).failure
    assert (failure.status, "stigmer-plugin-workflow-runner[jsonata]" in failure.detail) == (400, True)


def test_without_the_library_a_workflow_with_it_is_refused(document, monkeypatch):
    """When it is written, at its place."""
    monkeypatch.setattr("stigmer_plugin_workflow_runner.checking.library", lambda: None)
    made = document("[{a: {call: 'stigmer:jsonata', with: {expression: a}}}]")

    (problem,) = Check(Notifications())(made)
    assert (problem.pointer, problem.hint) == ("/do/0/a/with/expression", jsonata.INSTALL)


@pytest.mark.parametrize("arguments", [{}, {"expression": " "}, {"expression": 5}, {"expression": "a", "more": 1}])
def test_a_call_without_an_expression_is_refused(document, arguments):
    """Before anything runs."""
    made = document("[{a: {call: 'stigmer:jsonata'}}]")
    made["do"][0]["a"]["with"] = arguments

    assert Check(Notifications())(made)
