"""`call: stigmer:human`: the run waits for a person, and goes on where the answer says."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import yaml
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.faults import BASE
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram

from stigmer_core.program import (
    ActivityDone,
    ActivityFailed,
    CallActivity,
    CancelRequested,
    Complete,
    Fail,
    Failure,
    Signal,
    StartTimer,
    TimerFired,
)
from stigmer_core.testing.memory_engine import START

ASK = """
- ask:
    call: stigmer:human
    with: {prompt: '${ "Refund " + .n + "?" }', outcomes: [{name: ok, label: Fine}, {name: stop, then: end}],
           formSchema: {type: object}, approvers: [ann], payload: '${ .n }', uiHint: card}
- after: {set: {done: '${ .outcome }'}}
"""
ESCALATED = "[{ask: {call: 'stigmer:human', timeout: {after: PT1H}, with: {prompt: p, approvers: [ann], %s}}}]"
TIMED = "[{ask: {call: 'stigmer:human', with: {prompt: p, onTimeout: deny}, timeout: {after: PT1H}}}]"


class Talk:
    """A run that is told things."""

    def __init__(self, document, value=None):
        self.program = WorkflowProgram()
        self.step = self.program.start({"document": document, "input": value or {}}, START)
        self.statuses = self.shown()

    def shown(self):
        return [command.status for command in self.step.commands if hasattr(command, "status")]

    def tell(self, event):
        self.step = self.program.advance(json.loads(json.dumps(self.step.state)), event)  # as after a restart
        self.statuses += self.shown()
        return self.step.commands[-1] if self.step.commands else None

    def answer(self, outcome, task="/do/0/ask", position=None, **more):
        payload = {"task": task, "outcome": outcome, "position": position, **more}
        return self.tell(Signal(f"s{outcome}", "approval", payload, START))

    def events(self):
        return {event["eventType"]: event for status in self.statuses for event in status["events"]}


def test_a_question_is_shown_and_waits(document):
    """With all that a person and the server need to know of it."""
    talk = Talk(document(ASK), {"n": "5"})

    (task,) = talk.statuses[-1]["status"]["tasks"]
    assert (task["status"], task["taskType"]) == ("WORKFLOW_TASK_WAITING_APPROVAL", "WORKFLOW_TASK_APPROVAL")
    assert (task["metadata"]["outcomes"], task["metadata"]["approvers"], task["uiHint"]) == (
        ["ok", "stop"],
        ["ann"],
        "card",
    )
    assert talk.events()["approval_requested"]["approvalRequested"] == {
        "prompt": "Refund 5?", "payload": "5", "formSchema": {"type": "object"}, "approvers": ["ann"], "uiHint": "card",
        "outcomes": [{"name": "ok", "label": "Fine"}, {"name": "stop", "label": ""}],
    }  # fmt: skip


def test_an_answer_is_the_output(document):
    """And the run goes on at the next task."""
    talk = Talk(document(ASK), {"n": "5"})

    assert talk.answer("ok", formData={"a": 1}, reviewer="ann", comment="c") == Complete({"done": "ok"})
    first = talk.statuses[-1]["status"]["tasks"][0]
    assert first["output"] == {"outcome": "ok", "formData": {"a": 1}, "reviewer": "ann", "comment": "c"}


def test_an_answer_goes_where_it_says(document):
    """Past the tasks between."""
    ended = Talk(document(ASK), {"n": "5"}).answer("stop")

    assert ended.output["outcome"] == "stop"


@pytest.mark.parametrize(
    "answer",
    [{"outcome": "maybe"}, {"outcome": "ok", "task": "/do/1/other"}, {"outcome": "ok", "position": "/do/0/ask+1"}],
)
def test_what_is_no_answer_to_it_changes_nothing(document, answer):
    """Another outcome, another task, another visit of the task."""
    talk = Talk(document(ASK), {"n": "5"})

    assert talk.answer(**answer) is None
    assert isinstance(talk.answer("ok"), Complete)


def test_a_late_answer_is_none_to_the_next_visit(document):
    """Who answers twice does not answer the question that comes after."""
    tasks = "[{ask: {call: 'stigmer:human', with: {prompt: p, outcomes: [{name: ok, then: ask}, {name: stop}]}}}]"
    talk = Talk(document(tasks))

    for _ in range(2):
        talk.answer("ok", position="/do/0/ask")

    assert list(talk.step.state["frames"]) == ["", "/do/0/ask+1"]


def test_silence_fails_the_task(document):
    """As the standard timeout error."""
    talk = Talk(document(TIMED.replace(", onTimeout: deny", "")))
    (timer,) = [command for command in talk.step.commands if isinstance(command, StartTimer)]

    ended = talk.tell(TimerFired(timer.id, timer.due))

    assert isinstance(ended, Fail)
    assert (ended.failure.status, timer.due) == (408, START + timedelta(hours=1))


def test_silence_is_an_answer_where_the_document_says_so(document):
    """And the log says that nobody gave it."""
    talk = Talk(document(TIMED))
    (timer,) = [command for command in talk.step.commands if isinstance(command, StartTimer)]

    ended = talk.tell(TimerFired(timer.id, timer.due))

    assert ended.output["outcome"] == "deny"
    assert talk.events()["approval_resolved"]["approvalResolved"] == {"outcome": "deny", "autoResolved": True}


def timer_of(talk):
    (timer,) = [command for command in talk.step.commands if isinstance(command, StartTimer)]
    return timer


def test_silence_escalates_the_question(document):
    """It is asked anew: of everybody who may edit the run, for as long again, and the log says so."""
    talk = Talk(document(ESCALATED % "escalate: true"))
    first = timer_of(talk)

    talk.tell(TimerFired(first.id, first.due))

    metadata = talk.statuses[-1]["status"]["tasks"][0]["metadata"]
    assert "approvers" not in metadata
    assert (metadata["escalated"], metadata["timeoutAt"]) == (True, "2026-01-01T02:00:00Z")
    resolved, requested = talk.statuses[-1]["events"]
    assert resolved["approvalResolved"]["autoResolved"]
    assert "approvers" not in requested["approvalRequested"]
    assert (requested["approvalRequested"]["timeoutSeconds"], timer_of(talk).due) == (3600, START + timedelta(hours=2))


def test_an_escalated_question_is_answered_like_any_other(document):
    """By the same position."""
    talk = Talk(document(ESCALATED % "escalate: true"))
    first = timer_of(talk)
    talk.tell(TimerFired(first.id, first.due))

    assert talk.answer("approve", position="/do/0/ask", reviewer="bob").output["reviewer"] == "bob"


def test_silence_after_the_escalation_fails_the_task(document):
    """As the standard timeout error, after the second wait."""
    talk = Talk(document(ESCALATED % "escalate: true"))
    for _ in range(2):
        timer = timer_of(talk)
        ended = talk.tell(TimerFired(timer.id, timer.due))

    assert (ended.failure.status, ended.failure.instance) == (408, "/do/0/ask")
    assert timer.id != "/do/0/ask?timeout"


def told(talk):
    return [command for command in talk.step.commands if isinstance(command, CallActivity)]


def test_people_are_told_of_a_question(document):
    """Over each channel, under a key of its own, and again when it is escalated."""
    talk = Talk(document(ESCALATED % "escalate: true, channels: [mail, log, mail], payload: 5"))
    first, timer = told(talk), timer_of(talk)
    talk.tell(TimerFired(timer.id, timer.due))

    assert [(one.id, one.arguments["channel"]) for one in first] == [
        ("/do/0/ask?tell0", "mail"),
        ("/do/0/ask?tell1", "log"),
    ]
    question = {"prompt": "p", "payload": 5, "task": "ask", "approvers": ["ann"], "escalated": False}
    assert first[0].arguments["question"].items() >= question.items()
    assert [one.id for one in told(talk)] == ["/do/0/ask?tell0!", "/do/0/ask?tell1!"]
    assert told(talk)[0].arguments["question"]["escalated"]


def test_a_question_waits_though_people_could_not_be_told(document):
    """What went wrong is in the task's metadata; an answer is taken as before."""
    talk = Talk(document(ESCALATED % "channels: [mail, log]"))
    talk.tell(ActivityDone("/do/0/ask?tell1", {}, START))
    talk.tell(ActivityFailed("/do/0/ask?tell0", Failure("c", "Communication Error", 500, "no server"), START))

    task = talk.statuses[-1]["status"]["tasks"][0]
    assert (task["status"], task["metadata"]["untold"]) == ("WORKFLOW_TASK_WAITING_APPROVAL", ["no server"])
    assert isinstance(talk.answer("approve"), Complete)


def test_a_channel_that_is_not_there_faults_the_question(document):
    """Nobody would ever hear of it."""
    talk = Talk(document(ESCALATED % "channels: [mail]"))
    wrong = Failure(BASE + "configuration", "Configuration Error", 400, "no channel")

    assert talk.tell(ActivityFailed("/do/0/ask?tell0", wrong, START)).failure.detail == "no channel"


def test_a_cancelled_run_asks_no_more(document):
    """The task counts as skipped."""
    talk = Talk(document(ASK), {"n": "5"})

    assert talk.tell(CancelRequested("c", "enough", START)).cancelled
    assert talk.statuses[-1]["status"]["tasks"][0]["status"] == "WORKFLOW_TASK_SKIPPED"


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ("{}", "/do/0/a/with"),
        ("{prompt: p, outcomes: [{name: a}, {name: a}]}", "/do/0/a/with/outcomes/1/name"),
        ("{prompt: p, outcomes: [a]}", "/do/0/a/with/outcomes"),
        ("{prompt: p, outcomes: [{name: no}]}", "/do/0/a/with/outcomes"),
        ("{prompt: p, outcomes: [{name: a, then: nowhere}]}", "/do/0/a/with/outcomes/0/then"),
        ("{prompt: p, onTimeout: approve}", "/do/0/a/with/onTimeout"),
        ("{prompt: p, formSchema: {type: 5}}", "/do/0/a/with/formSchema/type"),
        ("{prompt: p, color: red}", "/do/0/a/with/color"),
        ("{prompt: p, escalate: true}", "/do/0/a/with/escalate"),
        ("{prompt: p, channels: mail}", "/do/0/a/with/channels"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(document, arguments, pointer):
    """At its place, before anything runs."""
    made = document("[{a: {call: 'stigmer:human'}}]")
    made["do"][0]["a"]["with"] = yaml.safe_load(arguments)

    assert any(problem.pointer.startswith(pointer) for problem in check(made))
