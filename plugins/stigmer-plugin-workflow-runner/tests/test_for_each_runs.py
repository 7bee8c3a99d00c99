"""Runs with loops of independent iterations: what they keep, and what happens when they stop on the way."""

from __future__ import annotations

import json

import pytest
import yaml
from kit_drivers import DRIVERS
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from stigmer_plugin_workflow_runner.program.tasks._for_each import MOST_PARALLEL

from stigmer_core.program import (
    ActivityDone,
    ActivityError,
    ActivityFailed,
    CallActivity,
    Cancel,
    Complete,
    Fail,
    Failure,
    Publish,
    RecoverRequested,
    Signal,
    StartTimer,
    TimerFired,
)
from stigmer_core.testing.memory_engine import START, MemoryEngine

CALL = {"get": {"call": "http", "with": {"method": "post", "endpoint": "http://x", "body": "${ $item }"}}}
NOTE = {"note": {"set": {"n": "${ $item }"}}}
ASK = {"ask": {"call": "stigmer:human", "with": {"prompt": "Sure?", "outcomes": [{"name": "approve"}]}}}
AGENT = {"ask": {"call": "stigmer:agent", "with": {"agent": "a", "message": "m"}}}
USAGE = {"costMicros": 7, "inputTokens": 0, "outputTokens": 0}
ENDED = {"execution": "aex_1", "session": "ses_1", "durationMs": 5, "error": "", "phase": "EXECUTION_COMPLETED",
         "output": "fine", "usage": USAGE}  # fmt: skip
GONE = Failure("https://serverlessworkflow.io/spec/1.0.0/errors/communication", "Gone", 500)


def loop(*tasks, name="each", items="${ [range(6)] }", **options):
    return [{name: {"for": {"in": items}, "do": list(tasks), "metadata": {"stigmer.ai/for-each": options}}}]


class Driven:
    """A run whose calls wait until they are answered; timers of no length have fired already."""

    def __init__(self, document, fire=10**9):
        self.left, self.timers, self.asked = fire, [], []
        self.program, self.calls, self.ended, self.most_frames, self.shown = WorkflowProgram(), {}, None, 0, {}
        self._take(self.program.start({"document": document, "input": {}}, START))

    def send(self, event):
        self._take(self.program.advance(json.loads(json.dumps(self.state)), event))

    def done(self, index, result=None):
        self.send(ActivityDone(self.calls.pop(index), result, START))

    def _take(self, step):
        self.state = step.state
        self.most_frames = max(self.most_frames, len(step.state.get("frames", ())))
        for command in step.commands:
            match command:
                case CallActivity():
                    self.asked.append(command.id)
                    self.calls[int(command.id.partition("#")[2].partition("/")[0])] = command.id
                case Cancel():
                    self.calls = {index: known for index, known in self.calls.items() if known != command.id}
                case Publish():
                    self.shown |= {task["taskId"]: task for task in command.status.get("status", {}).get("tasks", ())}
                case Complete() | Fail():
                    self.ended = command
        self.timers += [command.id for command in step.commands if isinstance(command, StartTimer)]
        if self.left:
            self.left -= 1
            self.fire()

    def fire(self):
        """Let the timers fire that were asked for."""
        for timer in [self.timers.pop() for _ in range(len(self.timers))]:
            self.send(TimerFired(timer, START))


@pytest.fixture
def driven(document):
    """Return a function that starts a run of tasks."""
    return lambda tasks, **more: Driven(document(yaml.safe_dump(tasks)), **more)


def test_frames_are_those_of_what_is_under_way(driven):
    """However many items there are; only items and results grow with them."""
    run = driven(loop(CALL, items="${ [range(1000)] }", maxParallelism=8))
    while run.ended is None:
        run.done(next(iter(run.calls)), {"content": 1})

    assert run.most_frames == 2 + 2 * 8
    assert len(run.ended.output) == 1000


def test_a_thousand_are_under_way_at_most(driven):
    """However many are allowed."""
    run = driven(loop(CALL, items=f"${{ [range({MOST_PARALLEL + 1})] }}", maxParallelism=10**9))

    assert len(run.calls) == MOST_PARALLEL
    run.done(7)
    assert MOST_PARALLEL in run.calls


def test_a_long_loop_of_tasks_that_need_nothing_ends(driven):
    """In steps of a bounded number of tasks."""
    run = driven(loop(NOTE, items="${ [range(3000)] }", maxParallelism=50))

    assert run.ended == Complete([{"n": item} for item in range(3000)])
    assert run.most_frames <= 2 + 2 * 50


def test_a_run_on_hold_begins_nothing(driven):
    """What was under way ends, and the rest comes when it goes on."""
    run = driven(loop(CALL, maxParallelism=2))
    run.send(Signal("1", "pause", None, START))
    run.done(0)
    run.done(1)
    assert run.calls == {}

    run.send(Signal("2", "resume", None, START))

    assert list(run.calls) == [2, 3]


@pytest.mark.parametrize("name", ["each", "every/one~1"])
def test_a_run_that_is_recovered_goes_on_with_what_had_not_ended(driven, name):
    """The iteration that failed and those beside it are begun again, under ids of their own; the others are not."""
    run = driven(loop(CALL, NOTE, name=name, maxParallelism=3))
    run.done(1)
    before = dict(run.calls)
    run.send(ActivityFailed(run.calls.pop(2), GONE, START))
    assert (type(run.ended), run.calls) == (Fail, {})

    run.send(RecoverRequested("r", START))

    assert run.calls == {index: f"{known}~1" for index, known in before.items()}
    while run.calls:
        run.done(max(run.calls))
    assert run.ended == Complete([{"n": item} for item in range(6)])


def test_a_run_is_recovered_twice(driven):
    """Each time what had not ended; item and index are known to what is begun again."""
    run = driven(loop(CALL, NOTE, maxParallelism=2))
    for again in (1, 2):
        run.send(ActivityFailed(run.calls.pop(0), GONE, START))
        run.send(RecoverRequested(f"r{again}", START))

    assert list(run.calls.values()) == ["/do/0/each#0/do/0/get~2", "/do/0/each#1/do/0/get~2"]
    while run.calls:
        run.done(min(run.calls))
    assert run.ended == Complete([{"n": item} for item in range(6)])


def test_a_run_that_failed_in_its_first_step_is_recovered(driven):
    """Iterations that were entered with the one that failed are begun again with it, each with its item."""
    wrong = {"get": {**CALL["get"], "if": 'if $item == 0 then error("no") else true end'}}
    run = driven(loop(wrong, maxParallelism=3))
    assert isinstance(run.ended, Fail)

    run.send(RecoverRequested("r", START))

    assert (run.ended.failure.detail, run.ended.failure.instance) == ("no", "/do/0/each/do/0/get")


def test_what_has_ended_when_another_fails_is_not_begun_again(driven):
    """Also when its turn to complete had not come: here 500 others are before it."""
    items = "${ [range(1000)] }"
    wrong = {"get": {**CALL["get"], "if": 'if $item == 600 then error("no") else true end'}}
    run = driven(loop(wrong, items=items, maxParallelism=1000), fire=3)
    run.done(0, {"content": 1})
    run.fire()
    assert run.ended.failure.detail == "no"

    run.send(RecoverRequested("r", START))

    begun_again = [asked for asked in run.asked if asked.endswith("~1")]
    assert "/do/0/each#1/do/0/get~1" in begun_again
    assert "/do/0/each#0/do/0/get~1" not in begun_again


@pytest.mark.parametrize("policy", ["fail", "continue", "skip"])
async def test_no_policy_keeps_a_run_over_its_budget(document, policy):
    """It fails with the first iteration that is over; the others are stopped."""

    async def agent(_arguments, _context):
        return ENDED

    made = document(yaml.safe_dump(loop(AGENT, maxParallelism=2, onError=policy)))
    made["document"]["metadata"] = {"stigmer.ai/budget": {"maxCostMicros": 10}}
    outcome = await MemoryEngine(WorkflowProgram(), {"agent_call": agent}).run({"document": made, "input": {}})

    assert "the budget is exceeded: 14 micros" in outcome.failure.detail


def test_a_review_of_the_budget_is_not_covered_by_another_iteration(document):
    """One waits for it while another ends the same task; both go on with the answer."""
    made = document(yaml.safe_dump(loop(AGENT, items=[1, 2, 3, 4], maxParallelism=2)))
    made["document"]["metadata"] = {"stigmer.ai/budget": {"maxCostMicros": 5, "onExceeded": "review"}}
    run = Driven(made)
    run.done(0, ENDED)
    run.done(1, ENDED)
    asks = run.shown["/do/0/each/do/0/ask"]
    assert (asks["status"], run.calls) == ("WORKFLOW_TASK_WAITING_APPROVAL", {})

    answer = {"task": asks["taskId"], "position": asks["metadata"]["position"], "outcome": "continue"}
    run.send(Signal("1", "approval", answer, START))

    assert sorted(run.calls) == [2, 3]


@pytest.mark.parametrize("policy", ["fail", "continue", "skip"])
async def test_a_crash_at_any_write_changes_nothing(document, policy):
    """Neither the output, nor the effects: each iteration's has one key, whenever it is repeated."""
    effects = set()

    async def http(arguments, context):
        if policy != "fail" and arguments["body"] == 1:
            raise ActivityError(GONE)
        effects.add((context.command_key, arguments["body"]))
        return {"content": arguments["body"]}

    made = document(yaml.safe_dump(loop(CALL, NOTE, items="${ [range(4)] }", maxParallelism=2, onError=policy)))
    ended = await DRIVERS["crash"](made, {}, {"http": http}, {})

    good = [0, 1, 2, 3] if policy == "fail" else [0, 2, 3]
    assert [entry["n"] for entry in ended.output if "n" in entry] == good
    assert effects == {(f"/do/0/each#{item}/do/0/get", item) for item in good}


def test_a_question_of_each_iteration_is_answered(driven):
    """One of them is shown at a time, with its position; the next one when that is answered."""
    run = driven(loop(ASK, items=["a", "b", "c"], maxParallelism=3))
    positions = []
    while run.ended is None:
        positions.append(run.shown["/do/0/each/do/0/ask"]["metadata"]["position"])
        answer = {
            "task": "/do/0/each/do/0/ask",
            "position": positions[-1],
            "outcome": "approve",
            "comment": positions[-1],
        }
        run.send(Signal(str(len(positions)), "approval", answer, START))

    assert sorted(positions) == [f"/do/0/each#{index}/do/0/ask" for index in range(3)]
    assert [entry["comment"] for entry in run.ended.output] == sorted(positions)


def test_a_question_is_not_covered_by_another_iteration(driven):
    """Which ends the same task with an error meanwhile."""
    asks = {"ask": {**ASK["ask"], "if": 'if $item == "b" then error("no") else true end'}}
    run = driven(loop(asks, items=["a", "b", "c"], maxParallelism=2, onError="continue"))

    assert run.shown["/do/0/each/do/0/ask"]["status"] == "WORKFLOW_TASK_WAITING_APPROVAL"
