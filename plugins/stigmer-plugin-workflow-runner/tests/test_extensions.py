"""Extensions: tasks that run before and after others."""

from __future__ import annotations

import pytest
from stigmer_plugin_workflow_runner.program.compiler import check

from stigmer_core.testing.memory_engine import task_order


def noted(text):
    """Return a task that adds a text to the context."""
    return {"note": {"set": {"x": text}, "export": {"as": "{log: (($context.log // []) + [$output.x])}"}}}


LOG = {"extend": "all", "before": [noted("${ $task.reference }")], "after": [noted("${ [$task.name, .] }")]}
OUTPUT = {"as": "{output: ., log: $context.log}"}


def use(**extensions):
    """Return the section with extensions."""
    return {"extensions": [{name: extension} for name, extension in extensions.items()]}


async def test_tasks_run_before_and_after_each_task(run):
    """What they put out is dropped: the workflow goes on as without them."""
    tasks = "[{a: {set: {y: 1}}}, {d: {do: [{b: {set: {y: '${ .y + 1 }'}}}]}}]"

    output = (await run(tasks, use=use(log=LOG), output=OUTPUT)).output

    assert output["output"] == {"y": 2}
    assert output["log"] == [
        "/do/0/a", ["a", {"y": 1}], "/do/1/d", "/do/1/d/do/0/b", ["b", {"y": 2}], ["d", {"y": 2}]
    ]  # fmt: skip


async def test_exit_leaves_the_task_with_another_output(run):
    """An answer is made up instead of a call; the task's own `output` is applied to it."""
    mock = {
        "extend": "call",
        "when": '$task.call == "http" and ($task.with.endpoint | startswith("http://mocked"))',
        "before": [{"answer": {"set": {"content": 1}, "then": "exit"}}, {"never": {"set": {"x": 1}}}],
    }
    tasks = "[{a: {call: http, with: {method: get, endpoint: 'http://mocked/x'}, output: {as: .content}}}]"

    assert (await run(tasks, use=use(mock=mock))).output == 1


@pytest.mark.parametrize(
    ("extend", "extended"),
    [
        ("set", ["s"]),
        ("composite", ["f", "d"]),
        ("wait", ["w", "b", "i"]),
        ("for", []),
        ("all", ["s", "w", "f", "b", "d", "i"]),
    ],
)
async def test_extension_is_for_a_kind_of_task(run, extend, extended):
    """`composite` is `do` and `fork`."""
    tasks = """
    - s: {set: {x: 1}}
    - w: {wait: PT0S}
    - f: {fork: {branches: [{b: {wait: PT0S}}]}}
    - d: {do: [{i: {wait: PT0S}}]}
    """
    extension = {"extend": extend, "before": [noted("${ $task.name }")]}

    log = (await run(tasks, use=use(log=extension), output=OUTPUT)).output["log"] or []

    assert log == extended


async def test_condition_sees_the_task_and_its_input(run):
    """And is evaluated when the task begins."""
    extension = {"extend": "set", "when": '.n > 1 and $task.name != "c"', "after": [noted("${ $task.name }")]}
    tasks = "[{a: {set: {n: 2}}}, {b: {set: {n: 3}}}, {c: {set: {n: 4}}}]"

    assert (await run(tasks, {"n": 1}, use=use(log=extension), output=OUTPUT)).output["log"] == ["b"]


async def test_skipped_task_is_not_extended(run):
    """Nothing runs before a task that does not run."""
    outcome = await run("[{a: {if: 'false', set: {y: 1}}}]", use=use(log=LOG), output=OUTPUT)

    assert outcome.output["log"] is None


async def test_extension_of_an_extension_there_is_not(run):
    """Neither its tasks nor the functions they call are extended: it would never end."""
    functions = {"f": {"set": {"x": 1}}}
    extension = {"extend": "all", "before": [{"call_f": {"call": "f"}}]}

    outcome = await run("[{a: {set: {y: 1}}}]", use={**use(e=extension), "functions": functions})

    assert task_order(outcome.statuses) == ["a", "e", "call_f", "f"]


async def test_fault_of_an_extension_is_the_task_s(run):
    """Nothing inside the task catches it, what is around it does."""
    extension = {"extend": "try", "before": [{"r": {"raise": {"error": {"type": "x", "status": 418}}}}]}
    inner = "{try: [{a: {set: {x: 1}}}], catch: {do: [{c: {set: {caught: inside}}}]}}"

    alone = await run(f"[{{t: {inner}}}]", use=use(e=extension))
    around = await run(f"[{{d: {{do: [{{t: {inner}}}]}}}}]", use=use(e=extension))

    assert (alone.failure.status, around.failure.status) == (418, 418)
    assert alone.failure.instance == "/use/extensions/0/e/before/0/r"


async def test_end_in_an_extension_ends_the_workflow(run):
    """As it does anywhere."""
    extension = {"extend": "wait", "before": [{"s": {"set": {"x": 1}, "then": "end"}}]}

    assert (await run("[{a: {wait: PT1H}}, {b: {set: {y: 1}}}]", use=use(e=extension))).output == {"x": 1}


WRONG = [
    ([{"e": {"extend": "sett", "before": []}}], "/use/extensions/0/e/extend", "no tasks 'sett' to extend"),
    ([{"e": {"extend": "all"}}], "/use/extensions/0/e", "'before' or 'after'"),
    ([{"e": {"extend": "all", "before": []}}], "/use/extensions/0/e/before", "at least one task"),
    ([{"e": {"extend": "all", "wen": "x", "after": [noted("x")]}}], "/use/extensions/0/e/wen", "did you mean 'when'"),
    ([{"e": {"extend": "all", "when": ".a |", "after": [noted("x")]}}], "/use/extensions/0/e/when", "cannot be used"),
    ([{"a": {}, "b": {}}], "/use/extensions/0", "expected one extension"),
    ({"e": {}}, "/use/extensions", "expected a list"),
]


@pytest.mark.parametrize(("extensions", "pointer", "message"), WRONG)
def test_bad_extension_is_a_problem_at_its_place(document, extensions, pointer, message):
    """Each with what would be right."""
    problems = check(document("[{a: {set: {x: 1}}}]", use={"extensions": extensions}))

    assert any(problem.pointer == pointer and message in str(problem) for problem in problems), problems
