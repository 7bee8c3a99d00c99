"""What is wrong with a document is said before it runs, where it is, and with what was meant."""

from __future__ import annotations

from datetime import date

import pytest
from stigmer_plugin_workflow_runner.hooks import stigmer_runners
from stigmer_plugin_workflow_runner.program.compiler import check, compile_document

from stigmer_core.errors import InvalidArgumentError

WRONG = [
    ("[]", "/do", "at least one task"),
    ("[{a: {sett: {x: 1}}}]", "/do/0/a", "does nothing"),
    ("[{a: {set: {x: 1}, thn: end}}]", "/do/0/a/thn", "did you mean 'then'"),
    ("[{a: {set: {x: 1}, then: bb}}, {b: {set: {x: 1}}}]", "/do/0/a/then", "did you mean 'b'"),
    ("[{a: {set: {x: 1}, wait: PT1S}}]", "/do/0/a", "'set' and 'wait'"),
    ("[{a: {set: {x: 1}}}, {a: {set: {x: 1}}}]", "/do/1/a", "in this list already"),
    ("[{end: {set: {x: 1}}}]", "/do/0/end", "flow directive"),
    ("[{a: {run: {shell: {comand: ls}}}}]", "/do/0/a/run/shell/comand", "did you mean 'command'"),
    ("[{a: {call: gopher, with: {}}}]", "/do/0/a/call", "there is no call 'gopher'"),
    ("[{a: {call: http, with: {endpoint: 'http://x'}}}]", "/do/0/a/with/method", "has a 'method'"),
    ("[{a: {set: {x: '${ .a | }'}}}]", "/do/0/a/set/x", "unexpected the end"),
    ("[{a: {set: {x: '${ $inptu }'}}}]", "/do/0/a/set", "did you mean 'input'"),
    ("[{a: {if: now, set: {x: 1}}}]", "/do/0/a/if", "no clock"),
    ("[{a: {wait: soon}}]", "/do/0/a/wait", "not a duration"),
    ("[{a: {switch: [{b: {when: '.a', then: nowhere}}]}}]", "/do/0/a/switch/0/b/then", "no task 'nowhere'"),
    ("[{a: {raise: {error: missing}}}]", "/do/0/a/raise/error", "'use.errors' has no 'missing'"),
    ("[{a: {try: [{b: {wait: PT0S}}], catch: {retry: often}}}]", "/do/0/a/catch/retry", "'use.retries' has no"),
    ("[{a: {for: {each: x}, do: [{b: {wait: PT0S}}]}}]", "/do/0/a/for", "'in'"),
    ("[{a: {fork: {branches: [{b: {wait: PT0S, then: c}}, {c: {wait: PT0S}}]}}}]", "branches/0/b/then", "branch"),
    ("[{a: {set: {x: 1}, input: {schema: {format: avro}}}}]", "/do/0/a/input/schema/format", "not supported"),
    ("[{a: 1}]", "/do/0/a", "not an object"),
    ("[{'a/b': {set: {}}}]", "/do/0/a~1b/set", "at least one key"),
]


@pytest.mark.parametrize(("tasks", "pointer", "message"), WRONG)
def test_problem_has_its_place_and_says_what_is_wrong(document, tasks, pointer, message):
    """The pointer leads to the place, the message or hint says the rest."""
    problems = check(document(tasks))

    assert any(pointer in problem.pointer and message in str(problem) for problem in problems), problems


def test_all_problems_are_found_at_once(document):
    """Nobody has to repair a document line by line."""
    problems = check(document("[{a: {set: {x: '${ now }'}, then: b}}, {c: {wayt: PT1S}}]", extra=1))

    assert {problem.pointer for problem in problems} == {"/extra", "/do/0/a/set/x", "/do/0/a/then", "/do/1/c"}


def nested(depth):
    """Return a list in a list, and so on."""
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [({1: 2}, "the key 1"), (date(2026, 1, 1), "not a JSON value"), (nested(5000), "nested more than")],
)
def test_what_only_yaml_can_hold_is_a_problem(document, value, message):
    """A key that is a number, a date, a structure without bottom: said in words, and no crash."""
    (problem,) = check(document("[{a: {set: {x: 1}}}]", metadata={"x": value}))

    assert message in problem.message


@pytest.mark.parametrize("value", [None, [], "x", {}, {"document": 1, "do": 2}])
def test_anything_else_is_a_problem_and_no_crash(value):
    """The check takes what a user may send."""
    assert check(value)


def test_compiled_document_is_shared(document):
    """The same document is compiled once, however its keys are ordered."""
    first = document("[{a: {set: {x: 1, y: 2}}}]")
    second = document("[{a: {set: {y: 2, x: 1}}}]")

    assert compile_document(first) is compile_document(second)


def test_document_with_problems_is_not_compiled(document):
    """The error carries the problems."""
    with pytest.raises(InvalidArgumentError) as caught:
        compile_document(document("[{a: {wait: soon}}]"))

    assert [problem.pointer for problem in caught.value.problems] == ["/do/0/a/wait"]


async def test_document_that_was_never_checked_ends_its_run_in_words(run):
    """A run of a bad document faults with the standard configuration error."""
    outcome = await run("[{a: {wait: soon}}]")

    assert outcome.failure.type.endswith("/errors/configuration")
    assert "/do/0/a/wait: not a duration" in outcome.failure.detail
    assert outcome.statuses[-1]["status"]["phase"] == "EXECUTION_FAILED"


def test_plugin_adds_the_runner_workflow():
    """With its program, its activities and its check; beside it there is the one of schedules."""
    runner, scheduled = stigmer_runners({"network": {"allow": ["127.0.0.1"]}})

    assert runner.name == "workflow"
    assert {"http", "function", "publish", "subscribe"} <= set(runner.activities)
    assert (scheduled.name, set(scheduled.activities)) == ("workflow-schedule", {"start", "ended"})
    assert runner.check({})
