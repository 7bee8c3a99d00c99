"""What a try has done is undone before its handler runs, the latest task first."""

from __future__ import annotations

import yaml
from stigmer_plugin_workflow_runner.program.compiler import check

from stigmer_core.testing.memory_engine import task_order


def undone(name, **more):
    undo = [{f"un{name}": {"set": "${ . }"}}]
    return {name: {"set": {"did": name}, "metadata": {"stigmer.ai/compensate": undo}, **more}}


FAILS = {"fails": {"raise": {"error": {"type": "https://x/y", "status": 500, "title": "no"}}}}
HANDLER = [{"note": {"set": {"why": "${ $error.title }"}}}]


def trying(*tasks, compensates=True, handler=HANDLER):
    body = {"try": list(tasks), "catch": {"do": handler} if handler else {}}
    return body | ({"metadata": {"stigmer.ai/compensate": True}} if compensates else {})


async def go(run, *tasks):
    return await run(yaml.safe_dump([{"t": task} if "try" in task else task for task in tasks]))


async def test_the_latest_task_is_undone_first(run):
    """Then the handler runs; a task that did not complete is not undone."""
    outcome = await go(run, trying(undone("a"), undone("b"), FAILS, undone("c")))

    assert outcome.output == {"why": "no"}
    assert task_order(outcome.statuses) == ["t", "a", "b", "fails", "unb", "una", "note"]


async def test_what_undoes_gets_what_was_done(run):
    """The output of its task, as its input."""
    outcome = await go(run, trying(undone("a"), FAILS))

    tasks = {task["taskName"]: task for status in outcome.statuses for task in status["status"].get("tasks", ())}
    assert tasks["una"]["output"] == {"did": "a"}


async def test_nothing_is_undone_where_nobody_asks(run):
    """Neither without an error, nor by a handler that does not compensate."""
    well = await go(run, trying(undone("a")))
    handled = await go(run, trying(undone("a"), FAILS, compensates=False))

    assert task_order(well.statuses) == ["t", "a"]
    assert task_order(handled.statuses) == ["t", "a", "fails", "note"]


async def test_tasks_inside_tasks_are_undone_too(run):
    """In loops every iteration; of a branch that completed, whatever else failed."""
    loop = {"loop": {"for": {"in": "${ [1, 2] }"}, "do": [undone("a")]}}
    branches = {"both": {"fork": {"branches": [undone("b"), {"slow": {"wait": "PT1S"}}]}}}
    outcome = await go(run, trying(loop, branches, FAILS))

    assert task_order(outcome.statuses)[-4:] == ["unb", "una", "una", "note"]


async def test_a_try_inside_hands_over_what_it_has_done(run):
    """The one around it undoes that, when it fails later."""
    inner = {"inner": trying(undone("a"))}
    outcome = await go(run, trying(inner, undone("b"), FAILS))

    assert task_order(outcome.statuses)[-3:] == ["unb", "una", "note"]


async def test_what_is_undone_is_not_undone_again(run):
    """By the try around the one that has undone it."""
    inner = {"inner": trying(undone("a"), FAILS)}
    outcome = await go(run, trying(inner, {"again": FAILS["fails"]}))

    assert task_order(outcome.statuses).count("una") == 1


async def test_an_undo_that_fails_fails_the_try(run):
    """With its own error, and no handler runs."""
    bad = {"a": {"set": {"x": 1}, "metadata": {"stigmer.ai/compensate": [{"worse": {"raise": {"error": {
        "type": "https://x/worse", "status": 501, "title": "worse"}}}}]}}}  # fmt: skip
    outcome = await go(run, trying(bad, FAILS))

    assert outcome.failure.status == 501
    assert outcome.failure.instance == "/do/0/t/try/0/a/metadata/stigmer.ai~1compensate/0/worse"


async def test_without_a_handler_it_goes_on_after_the_undoing(run):
    """With the input of the try."""
    outcome = await go(run, trying(undone("a"), FAILS, handler=None), {"next": {"set": {"went": "on"}}})

    assert outcome.output == {"went": "on"}


def test_a_wrong_undo_is_refused_at_its_place(document):
    """It is a list of tasks like any other."""
    made = document("[{a: {set: {x: 1}}}]")
    made["do"][0]["a"]["metadata"] = {"stigmer.ai/compensate": [{"b": {"sett": {}}}]}

    (problem,) = check(made)

    assert problem.pointer == "/do/0/a/metadata/stigmer.ai~1compensate/0/b"
