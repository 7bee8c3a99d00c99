"""Budgets that a person reviews: the run waits where its next task begins, and goes on or ends as it is told."""

from __future__ import annotations

import pytest
from stigmer_plugin_workflow_runner.program.compiler import check
from test_people import Talk

from stigmer_core.program import ActivityDone, CallActivity, Complete, Fail, RecoverRequested, StartTimer, TimerFired
from stigmer_core.testing.memory_engine import START

BUDGET = "stigmer.ai/budget"
TWO = """
- one: {call: 'stigmer:agent', with: {agent: a, message: m}}
- two: {call: 'stigmer:agent', with: {agent: a, message: m}}
"""
CAUGHT = """
- t:
    try: [{one: {call: 'stigmer:agent', with: {agent: a, message: m}}}, {two: {set: {a: 1}}}]
    catch: {}
"""
STRICT = """
- one:
    call: stigmer:agent
    with: {agent: a, message: m, output: {schema: {type: object}, onFail: retry, retries: 1}}
"""
FORK = """
- both:
    fork:
      branches:
        - left: {do: [{spend: {call: 'stigmer:agent', with: {agent: a, message: m}}}, {l: {set: {a: 1}}}]}
        - right: {do: [{wait: {wait: PT1M}}, {r: {set: {a: 2}}}]}
"""
STILL = "[{one: {wait: PT1H}}, {two: {set: {a: 1}}}, {three: {wait: PT1H}}, {four: {set: {a: 2}}}]"


@pytest.fixture
def talk(document):
    """A function that starts tasks on a budget."""

    def start(tasks, **limits):
        made = document(tasks)
        made["document"] = {**made["document"], "metadata": {BUDGET: {"onExceeded": "review", **limits}}}
        return Talk(made)

    return start


def ended(command_id, cost=0, output="fine"):
    usage = {"costMicros": cost, "inputTokens": 0, "outputTokens": 0}
    known = {"execution": "aex_1", "session": "s", "durationMs": 5, "error": "", "phase": "EXECUTION_COMPLETED"}
    return ActivityDone(command_id, {**known, "output": output, "usage": usage}, START)


def waiting(talk):
    """Return the tasks that wait, with their answers."""
    tasks = {task["taskId"]: task for status in talk.statuses for task in status.get("status", {}).get("tasks", ())}
    return {
        name: task["metadata"]["outcomes"]
        for name, task in tasks.items()
        if task["status"] == "WORKFLOW_TASK_WAITING_APPROVAL"
    }


def asked(talk):
    return [command.id for command in talk.step.commands if isinstance(command, CallActivity)]


def test_a_run_over_its_budget_waits_before_its_next_task(talk):
    """The log has the checkpoint, and the question says what was spent."""
    run = talk(TWO, maxCostMicros=10)
    run.tell(ended("/do/0/one", cost=11))

    assert (waiting(run), asked(run)) == ({"/do/1/two": ["continue", "stop"]}, [])
    checkpoint = run.events()["budget_checkpoint"]["budgetCheckpoint"]
    assert (checkpoint["thresholdBreached"], checkpoint["onExceededPolicy"]) == (True, "budget_exceeded_human_review")
    assert "11 micros" in run.events()["approval_requested"]["approvalRequested"]["prompt"]


def test_a_run_that_may_continue_has_as_much_again(talk):
    """From what it has spent; then it waits again."""
    run = talk(TWO + "- three: {set: {a: 1}}", maxCostMicros=10)
    run.tell(ended("/do/0/one", cost=11))
    run.answer("continue", task="/do/1/two")

    assert asked(run) == ["/do/1/two"]
    assert run.step.commands[-1].arguments["costLeftMicros"] == 10
    run.tell(ended("/do/1/two", cost=10))
    assert waiting(run) == {"/do/2/three": ["continue", "stop"]}
    assert isinstance(run.answer("continue", task="/do/2/three"), Complete)


def test_a_run_that_is_stopped_fails_as_with_terminate(talk):
    """And nothing catches that."""
    run = talk(CAUGHT, maxCostMicros=10)
    run.tell(ended("/do/0/t/try/0/one", cost=11))

    failed = run.answer("stop", task="/do/0/t/try/1/two")

    assert isinstance(failed, Fail)
    assert failed.failure.detail == "the budget is exceeded: 11 micros and 0 tokens were spent"


def test_the_last_task_needs_no_review(talk):
    """Nothing more is spent."""
    run = talk(TWO, maxCostMicros=10)
    run.tell(ended("/do/0/one", cost=1))

    assert isinstance(run.tell(ended("/do/1/two", cost=50)), Complete)


@pytest.mark.parametrize("payload", [{"outcome": "approve"}, {"outcome": "continue", "position": "/do/0/one"}])
def test_what_is_no_answer_to_it_changes_nothing(talk, payload):
    """Another outcome, or another position."""
    run = talk(TWO, maxCostMicros=10)
    run.tell(ended("/do/0/one", cost=11))
    run.answer(task="/do/1/two", **payload)

    assert asked(run) == []


def test_one_answer_is_for_every_branch_that_waits(talk):
    """Each branch asks; whoever is answered first lets all go on."""
    run = talk(FORK, maxCostMicros=10)
    (timer,) = [command for command in run.step.commands if isinstance(command, StartTimer)]
    run.tell(ended("/do/0/both/fork/branches/0/left/do/0/spend", cost=11))
    run.tell(TimerFired(timer.id, timer.due))
    assert len(waiting(run)) == 2

    done = run.answer("continue", task="/do/0/both/fork/branches/1/right/do/1/r")

    assert done == Complete([{"a": 1}, {"a": 2}])


def test_an_agent_is_asked_again_only_after_the_review(talk):
    """A second attempt is spending too."""
    run = talk(STRICT, maxCostMicros=10)
    run.tell(ended("/do/0/one", cost=10, output="text"))
    assert (waiting(run), asked(run)) == ({"/do/0/one": ["continue", "stop"]}, [])

    run.answer("continue", task="/do/0/one")

    assert asked(run) == ["/do/0/one?again1"]


def clock(talk):
    return next(one for one in talk.step.commands if isinstance(one, StartTimer) and one.id.startswith("?duration"))


def test_a_run_that_takes_too_long_waits_and_goes_on(talk):
    """The task under way ends first; afterwards the run may take as long again."""
    run = talk(STILL, maxDurationSeconds=60)
    first = clock(run)
    run.tell(TimerFired(first.id, first.due))
    assert waiting(run) == {}
    run.tell(TimerFired("/do/0/one", START))
    assert list(waiting(run)) == ["/do/1/two"]

    run.answer("continue", task="/do/1/two")
    assert clock(run).id != first.id
    assert isinstance(run.tell(TimerFired("/do/2/three", START)), Complete)


def test_a_run_that_takes_too_long_and_is_stopped_has_timed_out(talk):
    """As the document's own timeout does it."""
    run = talk(STILL, maxDurationSeconds=60)
    run.tell(TimerFired(clock(run).id, START))
    run.tell(TimerFired("/do/0/one", START))

    assert run.answer("stop", task="/do/1/two").failure.status == 408


def test_a_warning_of_time_is_all_where_the_document_says_so(talk):
    """The log has it, and the run goes on."""
    run = talk(STILL, maxDurationSeconds=60, onExceeded="warn")
    run.tell(TimerFired(clock(run).id, START))

    assert run.events()["budget_checkpoint"]["budgetCheckpoint"]["thresholdBreached"]
    run.tell(TimerFired("/do/0/one", START))
    assert isinstance(run.tell(TimerFired("/do/2/three", START)), Complete)


def test_a_stopped_run_that_is_recovered_asks_again(talk):
    """Where it was stopped; somebody has thought better of it."""
    run = talk(TWO, maxCostMicros=10)
    run.tell(ended("/do/0/one", cost=11))
    run.answer("stop", task="/do/1/two")
    run.tell(RecoverRequested("r", START))

    assert waiting(run) == {"/do/1/two": ["continue", "stop"]}
    run.answer("continue", task="/do/1/two")
    assert len(asked(run)) == 1


def test_time_is_reviewed_or_warned_of_and_else_the_documents_timeout(document):
    """Two ways to say the same thing would be one too many."""
    made = document("[{a: {set: {x: 1}}}]")
    made["document"] = {**made["document"], "metadata": {BUDGET: {"maxDurationSeconds": 5}}}

    assert [problem.pointer for problem in check(made)] == ["/document/metadata/stigmer.ai~1budget/maxDurationSeconds"]
