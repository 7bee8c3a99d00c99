"""Loops whose iterations know nothing of each other: how many at a time, in which order, and what an error does."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import permutations

import pytest
import yaml
from stigmer_plugin_workflow_runner.program.compiler import check

from stigmer_core.program import Cancel, StartTimer
from stigmer_core.testing.memory_engine import START, task_order

SLOW_FIRST = "{wait: '${ {seconds: (10 - $item)} }'}"
CALL = {"get": {"call": "http", "with": {"method": "post", "endpoint": "http://x", "body": "${ $item }"}}}
BASE = "https://serverlessworkflow.io/spec/1.0.0/errors/"


def loop(*tasks, items="${ [range(6)] }", **options):
    """Return the YAML of one loop, `each`, with its options."""
    made = {"for": {"in": items}, "do": list(tasks), "metadata": {"stigmer.ai/for-each": options}}
    return yaml.safe_dump([{"each": made}])


def failing(*wrong, after="PT0S"):
    """Return the tasks of an iteration that faults for some items, after a while."""
    guard = " or ".join(f"$item == {item}" for item in wrong)
    fault = {"error": {"type": f"{BASE}runtime", "status": 500, "title": "No", "detail": "${ $item | tostring }"}}
    return {"late": {"wait": after}}, {"fails": {"if": guard, "raise": fault}}, {"note": {"set": {"n": "${ $item }"}}}


def noted(*items):
    return [{"n": item} for item in items]


async def test_output_is_in_the_order_of_the_items(run):
    """Whatever ends first: here the last one does."""
    outcome = await run(loop({"a": yaml.safe_load(SLOW_FIRST)}, {"b": {"set": {"n": "${ $item }"}}}, maxParallelism=6))

    assert outcome.output == noted(*range(6))
    assert outcome.finished_at - START == timedelta(seconds=10)


@pytest.mark.parametrize(("items", "kind"), [("${ null }", "null"), ("${ {} }", "object"), ("${ 1.5 }", "number")])
async def test_items_that_are_no_array_are_named_in_the_words_of_json(run, items, kind):
    """Not by what Python calls their type."""
    outcome = await run(loop({"a": {"set": {"n": 1}}}, items=items))

    assert outcome.failure.detail == f"'for.in' is not an array: {kind}"


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_output_does_not_depend_on_what_ends_first(run, order):
    """Every order of four calls makes the same output."""
    turns = [asyncio.Event() for _ in range(5)]
    turns[0].set()

    async def http(arguments, _context):
        turn = order.index(arguments["body"])
        await turns[turn].wait()
        turns[turn + 1].set()
        return {"content": {"n": arguments["body"]}}

    tasks = loop(CALL | {"get": {**CALL["get"], "output": {"as": ".content"}}}, items="${ [range(4)] }",
                 maxParallelism=4, batchSize=4)  # fmt: skip

    assert (await run(tasks, activities={"http": http})).output == noted(*range(4))


@pytest.mark.parametrize(("allowed", "seen"), [(0, 1), (1, 1), (4, 4), (50, 20)])
async def test_no_more_than_allowed_are_under_way(run, allowed, seen):
    """And as many as allowed, when there are so many items; no number is one at a time."""
    under_way, most = set(), 0

    async def http(_arguments, context):
        nonlocal most
        under_way.add(context.command_key)
        most = max(most, len(under_way))
        await asyncio.sleep(0)
        under_way.remove(context.command_key)

    tasks = loop(CALL, items="${ [range(20)] }", maxParallelism=allowed, onError="continue")
    outcome = await run(tasks, activities={"http": http})

    assert (most, outcome.failure) == (seen, None)


async def test_a_batch_has_ended_before_the_next_one_begins(run):
    """Three at a time in batches of four: the fifth waits for the slowest of the first four."""
    wait = {"w": {"wait": "${ {seconds: (if $item == 0 then 9 else 1 end)} }"}}
    outcome = await run(loop(wait, maxParallelism=3, batchSize=4))

    due = {c.id.split("#")[1][0]: (c.due - START).seconds for c in outcome.commands if isinstance(c, StartTimer)}
    assert due == {"0": 9, "1": 1, "2": 1, "3": 2, "4": 10, "5": 10}


async def test_each_iteration_gets_the_input_of_the_loop(run):
    """Not the output of another one; what comes after the loop gets the list."""
    tasks = loop({"a": {"set": {"sum": "${ .x + $item }"}}}, {"b": {"set": "${ [$index, .sum] }"}},
                 items="${ .items }", maxParallelism=2)  # fmt: skip

    assert (await run(tasks, {"x": 10, "items": [5, 6, 7]})).output == [[0, 15], [1, 16], [2, 17]]


async def test_no_items_put_out_an_empty_list(run):
    """And one whose last task puts out null is there."""
    assert (await run(loop({"a": {"set": {"x": 1}}}, items=[], maxParallelism=2))).output == []
    assert (await run(loop({"a": {"set": "${ null }"}}, items=[1, 2], onError="skip"))).output == [None, None]


async def test_exit_ends_an_iteration_and_end_the_workflow(run):
    """As in the DSL's own loop."""
    leave = {"a": {"set": {"n": "${ $item }"}, "then": "exit"}}
    end = {"a": {"switch": [{"last": {"when": "$item == 1", "then": "end"}}]}}

    assert (await run(loop(leave, {"b": {"set": {"x": 1}}}, maxParallelism=6))).output == noted(*range(6))
    assert (await run(loop(end, {"b": {"wait": "PT1S"}}, maxParallelism=6), {"x": 1})).output == {"x": 1}


async def test_first_error_fails_the_loop_and_stops_the_others(run):
    """With the error of the task, at its place; what has not begun never begins."""
    outcome = await run(loop(*failing(1, after="${ {seconds: $item} }"), maxParallelism=4))

    assert (outcome.failure.detail, outcome.failure.instance) == ("1", "/do/0/each/do/1/fails")
    cancelled = [command.id for command in outcome.commands if isinstance(command, Cancel)]
    assert cancelled == [f"/do/0/each#{index}/do/0/late" for index in (2, 3, 4)]


async def test_errors_are_in_the_output_when_it_goes_on(run):
    """As problem details with the index, each at the place of its item."""
    outcome = await run(loop(*failing(1, 4), maxParallelism=3, onError="continue"))

    first, error, *_, other, last = outcome.output
    assert [first, last] == noted(0, 5)
    assert error["__error"] == {
        "type": f"{BASE}runtime", "status": 500, "title": "No", "detail": "1", "instance": "/do/0/each/do/1/fails"
    }  # fmt: skip
    assert (error["__index"], other["__index"]) == (1, 4)


@pytest.mark.parametrize("parallel", [0, 1, 6])
async def test_errors_leave_nothing_in_the_output_when_they_are_skipped(run, parallel):
    """One at a time too; the rest stays in order."""
    assert (await run(loop(*failing(0, 4), maxParallelism=parallel, onError="skip"))).output == noted(1, 2, 3, 5)


async def test_all_may_fail(run):
    """Then nothing is left, or nothing but errors."""
    skipped = await run(loop(*failing(*range(6)), maxParallelism=2, onError="skip"))
    noted_all = await run(loop(*failing(*range(6)), batchSize=2, onError="continue"))

    assert skipped.output == []
    assert [entry["__index"] for entry in noted_all.output] == list(range(6))


async def test_a_loop_that_is_tried_again_starts_from_its_beginning(run):
    """A `try` around sees the error of the first iteration that fails."""
    inner = yaml.safe_load(loop(*failing(3), maxParallelism=2))
    handler = [{"h": {"set": "${ $error.detail }"}}]

    outcome = await run(yaml.safe_dump([{"t": {"try": inner, "catch": {"do": handler}}}]))

    assert outcome.output == "3"


async def test_a_try_inside_catches_before_the_policy(run):
    """What it catches is no error of the iteration."""
    tried = {"t": {"try": list(failing(2)), "catch": {"do": [{"h": {"set": {"n": "caught"}}}]}}}

    assert (await run(loop(tried, maxParallelism=6, onError="skip"))).output == noted(0, 1, "caught", 3, 4, 5)


async def test_loops_in_loops_have_their_own_variables(run):
    """The inner one sees those of the outer one."""
    made = {"for": {"each": "b", "in": "${ [1, 2] }"}, "do": [{"s": {"set": "${ $item * 10 + $b }"}}]}
    inner = {"i": {**made, "metadata": {"stigmer.ai/for-each": {"maxParallelism": 2}}}}

    assert (await run(loop(inner, items=[1, 2], maxParallelism=2))).output == [[11, 12], [21, 22]]


async def test_a_loop_is_cancelled_with_all_that_is_under_way(run):
    """And ends as cancelled, which no policy turns into an output."""

    async def http(_arguments, _context):
        await asyncio.Event().wait()

    tasks = loop(CALL, maxParallelism=3, onError="continue")
    outcome = await run(tasks, activities={"http": http}, cancel_after=0)

    assert outcome.cancelled
    assert sorted(c.id for c in outcome.commands if isinstance(c, Cancel)) == [
        f"/do/0/each#{index}/do/0/get" for index in range(3)
    ]


async def test_a_loop_that_takes_too_long_fails_whatever_its_policy_is(run):
    """Its own timeout is no error of an iteration."""
    tasks = yaml.safe_load(loop({"w": {"wait": "PT1H"}}, maxParallelism=3, onError="skip"))
    tasks[0]["each"]["timeout"] = {"after": "PT1S"}

    outcome = await run(yaml.safe_dump(tasks))

    assert (outcome.failure.status, outcome.failure.instance) == (408, "/do/0/each")


async def test_iterations_are_undone_the_latest_first(run):
    """By a try around that compensates; also what an iteration has done that failed."""
    undone = {"a": {"set": {"n": "${ $item }"}, "metadata": {"stigmer.ai/compensate": [{"un": {"set": "${ .n }"}}]}}}
    made = yaml.safe_load(loop(undone, *failing(1), items=[0, 1, 2], maxParallelism=3, onError="continue"))
    made.append({"fails": {"raise": {"error": {"type": "https://x/y", "status": 500, "title": "no"}}}})
    tried = {"try": made, "catch": {"do": [{"h": {"set": "x"}}]}, "metadata": {"stigmer.ai/compensate": True}}

    order = task_order((await run(yaml.safe_dump([{"t": tried}]))).statuses)

    assert order[-4:] == ["un", "un", "un", "h"]


async def test_iterations_are_not_shown_as_tasks(run):
    """The tasks are those of the document; their positions tell the iteration."""
    outcome = await run(loop(*failing(9), maxParallelism=2))

    shown = [task for status in outcome.statuses for task in status["status"].get("tasks", ())]
    assert {task["taskId"] for task in shown} == {"/do/0/each", *(
        f"/do/0/each/do/{at}" for at in ("0/late", "1/fails", "2/note"))}  # fmt: skip
    assert outcome.statuses[0]["events"][0]["executionStarted"]["totalTasks"] == 4
    happened = [event.get("task") for status in outcome.statuses for event in status["lifecycle"]["events"]]
    assert "/do/0/each/do" not in happened


async def test_an_error_stays_shown_when_it_stops_the_others(run):
    """The same task, stopped in another iteration, does not hide it."""
    wait = {"late": {"wait": "${ {seconds: $item} }"}}
    wrong = {"late": {**wait["late"], "output": {"as": 'if $item == 0 then error("no") else . end'}}}

    outcome = await run(loop(wrong, maxParallelism=3))

    tasks = {task["taskId"]: task for task in outcome.statuses[-1]["status"]["tasks"]}
    assert tasks["/do/0/each/do/0/late"]["status"] == "WORKFLOW_TASK_FAILED"


@pytest.mark.parametrize(
    ("options", "more", "pointer"),
    [
        ({"maxParallelism": -1}, {}, "/metadata/stigmer.ai~1for-each/maxParallelism"),
        ({"batchSize": "many"}, {}, "/metadata/stigmer.ai~1for-each/batchSize"),
        ({"onError": "hope"}, {}, "/metadata/stigmer.ai~1for-each/onError"),
        ({"max": 1}, {}, "/metadata/stigmer.ai~1for-each/max"),
        (5, {}, "/metadata/stigmer.ai~1for-each"),
        ({"maxParallelism": 2}, {"while": "$index < 2"}, "/while"),
    ],
)
def test_a_problem_has_its_place(document, options, more, pointer):
    """What cannot be meant is said before it runs."""
    made = document(loop({"a": {"set": {"x": 1}}}))
    made["do"][0]["each"] |= {"metadata": {"stigmer.ai/for-each": options}, **more}

    (problem,) = check(made)

    assert problem.pointer == f"/do/0/each{pointer}"


async def test_what_is_put_out_is_limited(run):
    """The loop faults before its state is too large, whatever its policy is."""
    outcome = await run(loop({"a": {"set": "${ [range(100000)] | map(1) }"}}, maxParallelism=2, onError="skip"))

    assert (outcome.failure.status, outcome.failure.instance) == (500, "/do/0/each")
    assert "larger than 16 MB" in outcome.failure.detail
