"""`call: stigmer:validate`: a right value passes, a wrong one faults, branches or is told about."""

from __future__ import annotations

import pytest
import yaml
from stigmer_plugin_workflow_runner.program.compiler import check

RULES = "[{name: paid, when: '${ .paid }', message: '${ \"not \" + .id }'}, {name: big, when: '.total > 5'}]"
SCHEMA = "{type: object, required: [id], properties: {id: {type: string}}}"


def task(more=""):
    return f"- check: {{call: 'stigmer:validate', with: {{input: '${{ . }}', rules: {RULES}, schema: {SCHEMA}{more}}}}}"


async def test_a_right_value_is_the_output(run):
    """Whatever else the task's input is."""
    outcome = await run(task(), {"id": "a", "paid": True, "total": 6})

    assert outcome.output == {"id": "a", "paid": True, "total": 6}


async def test_a_wrong_value_faults_with_all_that_is_wrong(run):
    """As the standard validation error, at the task."""
    outcome = await run(task(), {"id": "a", "paid": False, "total": 1})

    assert (outcome.failure.type.rpartition("/")[2], outcome.failure.status) == ("validation", 400)
    assert outcome.failure.detail == "paid: not a; big: does not hold"
    assert outcome.failure.instance == "/do/0/check"


async def test_a_value_that_does_not_fit_its_schema_faults(run):
    """The detail says where, and holds no value."""
    outcome = await run(task(), {"id": 5, "paid": True, "total": 6})

    assert outcome.failure.status == 400
    assert "/id" in outcome.failure.detail


async def test_a_warning_is_the_output(run):
    """With the value and what is wrong with it."""
    outcome = await run(task(", onFail: warn"), {"id": "a", "paid": True, "total": 1})

    expected = [{"rule": "big", "message": "big: does not hold"}]
    assert (outcome.output["valid"], outcome.output["errors"], outcome.output["value"]["id"]) == (False, expected, "a")


async def test_a_wrong_value_goes_on_elsewhere(run):
    """At the task that `fallback` names, past those between."""
    tasks = (
        task(", onFail: branch, fallback: other")
        + "\n- next: {set: {at: next}, then: end}\n- other: {set: {at: other}}"
    )

    assert (await run(tasks, {"id": "a"})).output == {"at": "other"}
    assert (await run(tasks, {"id": "a", "paid": True, "total": 9})).output == {"at": "next"}


async def test_the_fault_can_be_caught(run):
    """Like any other."""
    tasks = f"""
    - t:
        try: [{task()[2:]}]
        catch: {{errors: {{with: {{status: 400}}}}, do: [{{c: {{set: '${{ $error.title }}'}}}}]}}
    """
    assert (await run(tasks, {"id": "a"})).output == "Validation Error"


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ("{schema: {type: objekt}}", "/do/0/a/with/schema"),
        ("{schema: 5}", "/do/0/a/with/schema"),
        ("{rules: [{name: n}]}", "/do/0/a/with/rules"),
        ("{rules: [{name: n, when: '.a +'}]}", "/do/0/a/with/rules/0/when"),
        ("{onFail: shrug}", "/do/0/a/with/onFail"),
        ("{onFail: branch}", "/do/0/a/with"),
        ("{onFail: branch, fallback: nowhere}", "/do/0/a/with/fallback"),
        ("{other: 1}", "/do/0/a/with/other"),
    ],
)
def test_what_cannot_be_checked_is_refused(document, arguments, pointer):
    """At its place, before anything runs."""
    made = document("[{a: {call: 'stigmer:validate'}}]")
    made["do"][0]["a"]["with"] = yaml.safe_load(arguments)

    assert any(problem.pointer.startswith(pointer) for problem in check(made))
