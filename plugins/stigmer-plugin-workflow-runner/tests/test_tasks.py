"""What each kind of task does, where the conformance kit does not say it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from stigmer_core.program import ActivityError, CallActivity, Failure, StartTimer
from stigmer_core.testing.memory_engine import START, task_order

CASES = yaml.safe_load(Path(__file__).with_name("tasks.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_output_of(run, case):
    """The tasks complete with the output."""
    outcome = await run(case["tasks"], case["input"])

    assert outcome.failure is None
    assert outcome.output == case["output"]


async def test_workflow_transforms_its_own_input_and_output(run):
    """`input.from` comes before the first task, `output.as` after the last."""
    outcome = await run("[{a: {set: {y: '${ . }'}}}]", {"x": 5}, input={"from": ".x"}, output={"as": ".y + $input"})

    assert outcome.output == 10


async def test_wait_of_no_time_starts_no_timer(run):
    """And a wait in a loop costs nothing then."""
    outcome = await run("[{a: {wait: PT0S}}]")

    assert not any(isinstance(command, StartTimer) for command in outcome.commands)


async def test_wait_takes_its_time(run):
    """Parts of a duration add up."""
    outcome = await run("[{a: {wait: {days: 1, seconds: 2}}}, {b: {wait: PT0.5S}}]")

    assert outcome.finished_at - START == timedelta(days=1, seconds=2.5)


async def test_task_that_goes_back_is_another_effect(run):
    """The command of a second visit has an id of its own, or an idempotency key would swallow it."""

    async def http(_arguments, context):
        return context.command_key

    tasks = """
    - get: {call: http, with: {method: get, endpoint: 'http://x'}, output: {as: '$context + [.]'}, export: {as: .}}
    - again: {switch: [{more: {when: 'length < 3', then: get}}]}
    """
    outcome = await run(tasks.replace("$context + [.]", "($context | if . == {} then [] else . end) + [.]"),
                        activities={"http": http})  # fmt: skip

    assert outcome.output == ["/do/0/get", "/do/0/get+1", "/do/0/get+2"]


async def test_id_of_a_command_tells_iteration_and_attempt(run):
    """It is the position of the task in the run."""
    calls = []

    async def http(_arguments, context):
        calls.append(context.command_key)
        if len(calls) == 2:
            raise ActivityError(Failure("x", "X", 503))

    tasks = """
    - loop:
        for: {in: '[1, 2]'}
        do: [{t: {try: [{get: {call: http, with: {method: get, endpoint: 'http://x'}}}], catch: {retry: {}}}}]
    """
    await run(tasks, activities={"http": http})

    assert calls == [f"/do/0/loop#{place}/try/0/get" for place in ("0/do/0/t", "1/do/0/t", "1/do/0/t@1")]


@pytest.mark.parametrize(
    ("backoff", "seconds"), [("constant", 1 + 1 + 1), ("linear", 1 + 2 + 3), ("exponential", 1 + 2 + 4)]
)
async def test_retry_waits_longer_each_time(run, backoff, seconds):
    """`limit.attempt.count` is how often it is tried again after the first time; then the error passes."""
    tasks = f"""
    - t:
        try: [{{b: {{raise: {{error: {{type: x, status: 1}}}}}}}}]
        catch: {{retry: {{delay: PT1S, backoff: {{{backoff}: {{}}}}, limit: {{attempt: {{count: 3}}}}}}}}
    """
    outcome = await run(tasks)

    assert outcome.finished_at - START == timedelta(seconds=seconds)
    assert outcome.failure.instance == "/do/0/t/try/0/b"
    assert task_order(outcome.statuses) == ["t", "b", "b", "b", "b"]


async def test_exhausted_retry_goes_to_the_handler(run):
    """With a `do`, the error is handled after the last attempt."""
    tasks = """
    - t:
        try: [{b: {raise: {error: {type: x, status: 1}}}}]
        catch: {retry: {limit: {attempt: {count: 1}}}, as: e, do: [{c: {set: '${ $e.status }'}}]}
    """
    assert (await run(tasks)).output == 1


async def test_attempt_that_takes_too_long_is_made_again(run):
    """`limit.attempt.duration` ends an attempt as a timeout, however many tasks of it are done; others are not."""
    tasks = """
    - t:
        try: [{b: {wait: PT2S}}, {c: {wait: PT2S}}]
        catch: {retry: {delay: PT1S, limit: {attempt: {count: 1, duration: PT3S}}}}
    """
    outcome = await run(tasks)

    assert (outcome.failure.status, outcome.failure.instance) == (408, "/do/0/t/try/1/c")
    assert outcome.finished_at - START == timedelta(seconds=3 + 1 + 3)
    quick = await run(tasks.replace("PT3S", "PT4.1S"))
    assert (quick.failure, quick.finished_at - START) == (None, timedelta(seconds=4))


async def test_attempt_ends_with_its_handler(run):
    """The time of an attempt is over once the error is handled."""
    tasks = """
    - t:
        try: [{b: {raise: {error: {type: x, status: 1}}}}]
        catch: {retry: {limit: {attempt: {count: 0, duration: PT1S}}}, do: [{c: {wait: PT5S}}, {d: {set: done}}]}
    """
    assert (await run(tasks)).output == "done"


async def test_timeout_faults_the_task_and_can_be_caught(run):
    """What the task was waiting for is cancelled."""
    tasks = """
    - t:
        try: [{slow: {wait: PT1H, timeout: {after: PT1S}}}]
        catch: {do: [{c: {set: '${ [$error.status, $error.instance] }'}}]}
    """
    outcome = await run(tasks)

    assert outcome.output == [408, "/do/0/t/try/0/slow"]
    assert outcome.finished_at - START == timedelta(seconds=1)


async def test_timeout_of_the_workflow_ends_it(run):
    """As a fault of the whole."""
    outcome = await run("[{a: {wait: PT1H}}]", timeout={"after": "PT1S"})

    assert outcome.failure.status == 408


async def test_fault_in_a_branch_stops_the_others(run):
    """The fork faults with the branch's error, and nothing goes on."""
    outcome = await run("[{a: {fork: {branches: [{b: {wait: PT1H}}, {c: {raise: {error: {type: x, status: 9}}}}]}}}]")

    assert outcome.failure.status == 9
    assert outcome.failure.instance == "/do/0/a/fork/branches/1/c"
    assert outcome.finished_at == START


async def test_cancelled_run_cannot_be_caught(run):
    """It ends cancelled, whatever is around the task."""
    outcome = await run("[{t: {try: [{a: {wait: PT1H}}], catch: {do: [{b: {wait: PT0S}}]}}}]", cancel_after=0)

    assert outcome.cancelled
    assert outcome.statuses[-1]["status"]["phase"] == "EXECUTION_CANCELLED"


async def test_call_takes_its_uri_from_the_input(run):
    """`{names}` are escaped, and missing ones fault before anything is called."""
    tasks = "[{a: {call: http, with: {method: post, endpoint: 'http://x/{id}', body: {n: '${ .n }'}}}}]"

    async def http(arguments, _context):
        return arguments

    outcome = await run(tasks, {"id": "a/b", "n": 1}, activities={"http": http})
    missing = await run(tasks, {})

    assert (outcome.output["uri"], outcome.output["body"]) == ("http://x/a%2Fb", {"n": 1})
    assert missing.failure.type.endswith("configuration")
    assert not any(isinstance(command, CallActivity) for command in missing.commands)
