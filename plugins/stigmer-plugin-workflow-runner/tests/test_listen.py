"""`listen`: which events are consumed, when it is enough, and what comes out."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from stigmer_plugin_workflow_runner.program.compiler import check, compile_document
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram

from stigmer_core.program import ActivityDone, CallActivity, Complete, Fail, RecoverRequested, Signal
from stigmer_core.testing.memory_engine import START

CASES = yaml.safe_load(Path(__file__).with_name("listen.yaml").read_text())
WRONG = [
    ("{}", "/do/0/a/listen/to", "expected one of 'one', 'any' and 'all'"),
    ("{to: {one: {with: {type: x}}, all: []}}", "/do/0/a/listen/to", "expected one of"),
    ("{to: {all: []}}", "/do/0/a/listen/to/all", "a list of filters"),
    ("{to: {one: {}}}", "/do/0/a/listen/to/one", "which attributes"),
    ("{to: {any: [{with: {type: '${ .x | }'}}]}}", "/do/0/a/listen/to/any/0/with/type", "cannot be used"),
    ("{to: {any: [{with: {type: '^(a$'}}]}}", "/do/0/a/listen/to/any/0/with/type", "regular expression"),
    ("{to: {one: {with: {type: x}}, until: .}}", "/do/0/a/listen/to/until", "'until' is for 'any'"),
    ("{to: {any: [], until: {any: [], until: .}}}", "/do/0/a/listen/to/until/until", "of its own"),
    ("{to: {one: {with: {type: x}, correlate: {k: {}}}}}", "/do/0/a/listen/to/one/correlate/k", "with 'from'"),
    ("{to: {any: []}, read: date}", "/do/0/a/listen/read", "data, envelope, raw"),
]


def event(number, **attributes):
    """Return a signal with a CloudEvent."""
    payload = {"specversion": "1.0", "id": str(number), "source": "/test", **attributes}
    return Signal(f"s{number}", "event", payload, START)


class Listening:
    """A run that others send events to."""

    def __init__(self, document, value=None):
        self._program = WorkflowProgram()
        step = self._program.start({"document": document, "input": value}, START)
        self.asked = [command for command in step.commands if getattr(command, "activity", "") == "subscribe"]
        self.last, self._state = step.commands[-1], step.state
        if self.asked:
            self.send(ActivityDone(self.asked[0].id, None, START))

    def send(self, sent):
        """Send an event, and return what the run asks for then."""
        step = self._program.advance(self._state, sent)
        self._state = step.state
        if step.commands:
            self.last = step.commands[-1]
        return step.commands


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_output_of(case, document):
    """The events that are meant are consumed, and no others; no output means that the run still listens."""
    listening = Listening(document(case["tasks"]), case.get("input"))

    for number, attributes in enumerate(case["events"]):
        listening.send(event(number, **attributes))

    ended = listening.last
    output = ended.output if isinstance(ended, Complete) else ended.failure.type if isinstance(ended, Fail) else None
    assert output == case["output"]


def test_signal_counts_as_an_event(document):
    """What a client sends with `sendSignal` has the signal's name as its type, its payload as its data."""
    listening = Listening(document("[{a: {listen: {to: {one: {with: {type: go, source: /signal}}}, read: envelope}}}]"))

    listening.send(Signal("s-1", "signal", {"name": "go", "payload": {"x": 1}}, START))

    wanted = {"specversion": "1.0", "id": "s-1", "type": "go", "source": "/signal", "data": {"x": 1}}
    assert listening.last.output == [wanted]


def test_run_that_listens_says_so_before_anything_else(document):
    """It subscribes to the types that its filters name, and its first task comes after."""
    tasks = "[{a: {listen: {to: {any: [{with: {type: x}}, {with: {type: y}}], until: {one: {with: {type: z}}}}}}}]"

    listening = Listening(document(tasks))

    assert listening.asked[0].arguments == {"types": ["x", "y", "z"]}


def test_run_that_is_recovered_subscribes_again(document):
    """As it is forgotten when it has failed."""
    tasks = "[{a: {listen: {to: {one: {with: {type: x}}}}}}, {b: {set: '${ error(1) }'}}, {c: {wait: PT1S}}]"
    listening = Listening(document(tasks))
    listening.send(event(1, type="x"))
    assert isinstance(listening.last, Fail)

    again = listening.send(RecoverRequested("r", START))

    assert [(command.activity, command.id) for command in again if isinstance(command, CallActivity)] == [
        ("subscribe", "?subscription~1")
    ]


@pytest.mark.parametrize("attributes", ["{source: /x}", "{type: '${ $context.x }'}", "{type: '^x.*$'}"])
def test_filter_without_a_constant_type_may_mean_any(document, attributes):
    """Then the run gets every event of its organisation, and filters by itself."""
    tasks = f"[{{a: {{listen: {{to: {{one: {{with: {attributes}}}}}}}}}}}]"

    assert compile_document(document(tasks)).listens == ("*",)


@pytest.mark.parametrize(("listen", "pointer", "message"), WRONG)
def test_problem_has_its_place(document, listen, pointer, message):
    """What cannot be meant is said before it runs."""
    problems = check(document(f"[{{a: {{listen: {listen}}}}}]"))

    assert any(problem.pointer == pointer and message in str(problem) for problem in problems), problems
