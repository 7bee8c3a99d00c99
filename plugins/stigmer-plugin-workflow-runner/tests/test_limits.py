"""What bounds a document, a value and a step."""

from __future__ import annotations

import json

import pytest
from stigmer_plugin_workflow_runner.program.compiler import MOST_PROBLEMS, MOST_TASKS, check
from stigmer_plugin_workflow_runner.program.faults import TaskFault
from stigmer_plugin_workflow_runner.program.machine import PAUSE
from stigmer_plugin_workflow_runner.program.plain import LARGEST as LARGEST_DOCUMENT
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from stigmer_plugin_workflow_runner.program.sizes import DEEPEST, LARGEST, within_limits

from stigmer_core.program import StartTimer
from stigmer_core.testing.memory_engine import START


def nested(depth):
    """Return a list in a list, and so on."""
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", ["a" * LARGEST, [0] * 200_000, {"a": nested(DEEPEST - 2)}, None, 5])
def test_value_within_the_limits_is_returned_as_it_is(value):
    """The same object, and not a copy."""
    assert within_limits(value) is value


@pytest.mark.parametrize("value", ["a" * (LARGEST + 1), [0] * 300_000, nested(DEEPEST + 1)])
def test_value_beyond_the_limits_is_a_runtime_error(value):
    """Too many characters, too many parts, too many levels."""
    with pytest.raises(TaskFault) as caught:
        within_limits(value)

    assert caught.value.error["type"].endswith("/errors/runtime")


def test_value_that_shares_its_parts_is_as_large_as_it_is_written():
    """Sixty doublings are small in memory and nowhere else."""
    value = []
    for _ in range(60):
        value = [value, value]

    with pytest.raises(TaskFault, match="larger than 16 MB"):
        within_limits(value)


def test_step_ends_after_so_much_work(document):
    """A few heavy expressions are a step: then others have their turn."""
    tasks = "[{l: {for: {in: '[range(100)]'}, do: [{a: {set: '${ [range(100000)] | length }'}}]}}]"

    step = WorkflowProgram().start({"document": document(tasks), "input": {}}, START)

    assert [command.id for command in step.commands if isinstance(command, StartTimer)] == [f"{PAUSE}1"]
    assert step.state["frames"]["/do/0/l"]["iteration"] < 10


@pytest.mark.parametrize("count", [MOST_TASKS, MOST_TASKS + 1])
def test_document_has_so_many_tasks(document, count):
    """One more is a problem."""
    tasks = json.dumps([{f"t{at}": {"set": {"x": 1}}} for at in range(count)])

    assert bool(check(document(tasks))) is (count > MOST_TASKS)


def test_document_has_so_many_characters(document):
    """What is larger is no document: it belongs into the input."""
    (problem,) = check(document(json.dumps([{"a": {"set": {"x": "y" * (LARGEST_DOCUMENT + 1)}}}])))

    assert "more than 1000000 characters" in problem.message


def test_so_many_problems_are_told(document):
    """Nobody reads a thousand, and looking for what was meant takes time."""
    tasks = json.dumps([{f"t{at}": {"set": {"x": 1}, "then": f"t{at}x"}} for at in range(MOST_TASKS)])

    problems = check(document(tasks))

    assert len(problems) == MOST_PROBLEMS
    assert problems[0].hint.startswith("did you mean")


def test_what_follows_from_another_problem_is_not_told(document):
    """`with` is no object: that it has no method and no endpoint goes without saying."""
    (problem,) = check(document("[{a: {call: http, with: x}}]"))

    assert (problem.pointer, problem.message) == ("/do/0/a/with", "'with' is an object, not a text")
