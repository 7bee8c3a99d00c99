"""What an engine can rely on."""

from __future__ import annotations

import copy
import json
from datetime import timedelta

import pytest
from stigmer_plugin_workflow_runner.program.machine import BATCH
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from stigmer_plugin_workflow_runner.program.status import MOST_EVENTS

from stigmer_core.program import ActivityDone, Complete, Publish, Signal, StartTimer, TimerFired
from stigmer_core.testing.memory_engine import START

program = WorkflowProgram()
CALL = "[{a: {call: http, with: {method: get, endpoint: 'http://x'}}}, {b: {set: {y: '${ . }'}}}]"


@pytest.fixture
def started(document):
    """Return the first step of a run that waits for a call."""
    return program.start({"document": document(CALL), "input": {}}, START)


def test_pure_tasks_are_one_step_with_one_status(document):
    """Twenty tasks that need nothing from outside add no event to a journal."""
    tasks = json.dumps([{f"t{number}": {"set": {"x": number}}} for number in range(20)])

    step = program.start({"document": document(tasks), "input": {}}, START)

    published, completed = step.commands
    assert isinstance(published, Publish)
    assert completed == Complete({"x": 19})
    assert len(published.status["status"]["tasks"]) == 20


def test_same_step_twice_is_the_same(started):
    """The state that went in is not changed, and what comes out is equal."""
    before = copy.deepcopy(started.state)
    event = ActivityDone("/do/0/a", {"x": 1}, START)

    first, second = program.advance(started.state, event), program.advance(started.state, event)

    assert started.state == before
    assert first == second
    assert first.commands[-1] == Complete({"y": {"x": 1}})


def test_a_signal_that_nobody_takes_is_kept(started):
    """For a task that will; nothing else changes, and no command is made."""
    step = program.advance(started.state, Signal("1", "hello", {"a": 1}, START))

    assert not step.commands
    assert step.state["inbox"] == [{"id": "1", "name": "hello", "payload": {"a": 1}}]
    assert {**step.state, "inbox": []} == started.state


@pytest.mark.parametrize(
    "event",
    [
        ActivityDone("/do/7/a", 1, START),
        TimerFired("/do/0/a?timeout", START),
        TimerFired("?pause0", START),
    ],
)
def test_event_that_answers_nothing_changes_nothing(started, event):
    """The state is the same, and nothing is asked for."""
    step = program.advance(started.state, event)

    assert step.state == started.state
    assert not step.commands


def test_nothing_happens_after_the_end(started):
    """An ended run takes no events."""
    ended = program.advance(started.state, ActivityDone("/do/0/a", 1, START))

    assert not program.advance(ended.state, ActivityDone("/do/0/a", 1, START)).commands
    assert ended.state == {"ended": True}


def test_endless_loop_gives_others_their_turn(document):
    """A step begins a bounded number of tasks; a timer of no length brings the next ones."""
    step = program.start({"document": document("[{a: {set: {x: 1}, then: a}}]"), "input": {}}, START)

    assert isinstance(step.commands[-1], StartTimer)
    assert step.commands[-1].due == START
    again = program.advance(step.state, TimerFired(step.commands[-1].id, START + timedelta(seconds=1)))
    assert again.commands[-1].id != step.commands[-1].id


async def test_long_loop_shows_a_bounded_status(run):
    """The tasks are those of the document, and their events stop after a while."""
    outcome = await run(
        f"[{{a: {{for: {{in: '[range({MOST_EVENTS})]'}}, do: [{{b: {{set: {{x: '${{ $index }}'}}}}}}]}}}}]"
    )

    assert outcome.output == {"x": MOST_EVENTS - 1}
    assert len(outcome.events) <= MOST_EVENTS / BATCH + 2
    tasks = [task["taskId"] for status in outcome.statuses for task in status["status"].get("tasks", ())]
    assert set(tasks) == {"/do/0/a", "/do/0/a/do/0/b"}
    assert sum(len(status["events"]) for status in outcome.statuses) <= MOST_EVENTS + 2


async def test_status_is_what_the_api_takes(run):
    """Every status parses as the API's message, and the last one ends the run."""
    json_format = pytest.importorskip("google.protobuf.json_format")
    io = pytest.importorskip("ai.stigmer.agentic.workflowexecution.v1.io_pb2", exc_type=ImportError)
    tasks = """
    - a: {set: {x: 1}}
    - b: {if: .no, set: {x: 2}}
    - t: {try: [{r: {raise: {error: {type: x, status: 1}}}}], catch: {retry: {limit: {attempt: {count: 1}}}, do: [{e: {emit: {event: {with: {type: t}}}}}]}}
    - f: {fork: {compete: true, branches: [{w: {wait: PT1S}}, {l: {wait: PT2S}}]}}
    """  # noqa: E501 - a task a line
    outcome = await run(tasks)

    for status in outcome.statuses:
        assert status.pop("lifecycle")
        json_format.ParseDict({"executionId": "wex", **status}, io.WorkflowExecutionUpdateStatusInput())
    assert outcome.statuses[-1]["status"]["phase"] == "EXECUTION_COMPLETED"


async def test_output_that_is_no_object_is_wrapped_in_the_status(run):
    """The API's output is an object; the run's own output stays what it is."""
    outcome = await run("[{a: {set: '${ [1] }'}}]")

    assert outcome.output == [1]
    assert outcome.statuses[-1]["status"]["output"] == {"$value": [1]}


async def test_event_of_a_task_has_an_id_that_a_replay_repeats(run):
    """And another task's event has another one."""
    tasks = "[{a: {for: {in: '[1,2]'}, do: [{e: {emit: {event: {with: {type: t}}}, output: {as: .id}, export: {as: '[$context, .]'}}}]}}]"  # noqa: E501

    first, second = await run(tasks + "#", output={"as": "$context"}), await run(tasks, output={"as": "$context"})

    assert first.output == second.output
    assert first.output[0][1] != first.output[1]
