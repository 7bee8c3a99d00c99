"""What a task asks for and cannot be is refused at its place when the workflow is written; nothing is dropped."""

from __future__ import annotations

from pathlib import Path

import pytest
import stigmer_plugin_workflow
import yaml
from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflow.v1.enum_pb2 import WorkflowTaskKind
from google.protobuf import json_format
from stigmer_plugin_workflow.translation.document import dsl_document
from stigmer_plugin_workflow.translation.refusal import UntranslatableError

TABLE = Path(stigmer_plugin_workflow.__file__).parent / "task_kinds.yaml"
INNER = [{"name": "inner", "kind": "set_vars", "task_config": {"variables": {"a": "1"}}}]
LOOP = {"each": "n", "in": ".x", "do": INNER}
ASK = {"prompt": "Sure?"}
AGENT = {"agent": "a", "message": "m"}
MODEL = {"model": "m", "prompt": "p"}
GRADE = {"model": "m", "subject": "s", "rubric": "r"}
CHECK = {"input": "${ . }", "rules": [{"name": "r", "expression": ".a"}]}
TELL = {"channel": "webhook", "recipients": ["https://x"], "body": "b"}
REFUSED = {
    "no configuration": ("set_vars", {}, "/variables"),
    "a number for a text": ("set_vars", {"variables": {"a": 1}}, "/variables/a"),
    "an unknown field": ("set_vars", {"variables": {"a": "1"}, "variable": {}}, "/variable"),
    "no endpoint": ("http_call", {"method": "GET"}, "/endpoint"),
    "text for an endpoint": ("http_call", {"method": "GET", "endpoint": "https://x"}, "/endpoint"),
    "another method": ("http_call", {"method": "TRACE", "endpoint": {"uri": "https://x"}}, "/method"),
    "text for a case": ("switch_case", {"cases": ["a"]}, "/cases/0"),
    "text for tasks": ("for_each", {**LOOP, "do": "abc"}, "/do"),
    "iterations that fail some way": ("for_each", {**LOOP, "on_error": 9}, "/on_error"),
    "no time at all": ("wait", {}, "/duration"),
    "another language": ("transform", {"engine": "TRANSFORM_ENGINE_XSLT", "expression": "a"}, "/engine"),
    "a service nowhere": ("grpc_call", {"service": "s.v1.S", "method": "M"}, "/service"),
    "a query": ("listen", {"to": {"mode": "one", "signals": [{"id": "a", "type": "query"}]}}, "/to/signals/0/type"),
    "no slug": ("run_workflow", {"workflow": "a/b/c"}, "/workflow"),
    "a schema that is none": ("validate", {"input": ".", "schema": {"type": "objekt"}}, "/schema/type"),
    "nothing to check": ("validate", {"input": "."}, "/rules"),
    "a branch to nowhere": ("validate", {**CHECK, "on_fail": "VALIDATION_FAIL_BRANCH"}, "/fallback_task"),
    "a branch nobody takes": ("validate", {**CHECK, "fallback_task": "t"}, "/fallback_task"),
    "a form that is none": ("human_input", {**ASK, "form_schema": {"type": 1}}, "/form_schema/type"),
    "somebody else for ever": ("human_input", {**ASK, "on_timeout": "HUMAN_INPUT_TIMEOUT_ESCALATE"}, "/on_timeout"),
    "silence for ever": ("human_input", {**ASK, "on_timeout": "HUMAN_INPUT_TIMEOUT_DENY"}, "/on_timeout"),
    "silence that is no answer": (
        "human_input",
        {**ASK, "timeout": 1, "on_timeout": "HUMAN_INPUT_TIMEOUT_DENY", "outcomes": [{"name": "ok"}]},
        "/on_timeout",
    ),
    "text for channels": ("human_input", {**ASK, "notification_channels": "email"}, "/notification_channels"),
    "nobody to tell": ("notification", {**TELL, "recipients": []}, "/recipients"),
    "retries without a policy": (
        "agent_call",
        {**AGENT, "output": {"schema": {"type": "object"}, "max_retries": 2}},
        "/output/max_retries",
    ),
    "a fallback to nowhere": (
        "agent_call",
        {**AGENT, "output": {"schema": {"type": "object"}, "on_invalid": "ON_INVALID_FALLBACK"}},
        "/output/fallback_task",
    ),
    "a limit below zero": ("agent_call", {**AGENT, "run_config": {"max_cost_usd": -1}}, "/run_config/max_cost_usd"),
    "a policy without a schema": ("llm_call", {**MODEL, "on_invalid": "ON_INVALID_RETRY"}, "/response_schema"),
    "criteria of no grade": ("eval", {**GRADE, "criteria": [{"name": "a", "description": "d"}]}, "/criteria"),
    "a nested option": (
        "try_catch",
        {"try": [{"name": "a", "kind": "wait", "task_config": {"secs": 1}}], "catch": {"do": INNER}},
        "/try/0/task_config/secs",
    ),
    "a nested option of an undo": (
        "try_catch",
        {"try": [{**INNER[0], "compensate": [{"name": "a", "kind": "wait", "task_config": {}}]}]},
        "/try/0/compensate/0/task_config/duration",
    ),
}


def workflow(kind, config):
    one = Workflow()
    one.spec.document.name, one.spec.document.namespace, one.spec.document.version = "steps", "tests", "1.0.0"
    task = one.spec.tasks.add(name="first", kind=WorkflowTaskKind.Value(kind))
    json_format.ParseDict(config, task.task_config)
    return one


@pytest.mark.parametrize(("kind", "config", "pointer"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_at_its_place(kind, config, pointer):
    """The problem points at the option as it was written."""
    with pytest.raises(UntranslatableError) as caught:
        dsl_document(workflow(kind, config))

    assert caught.value.problems[0].pointer == f"/spec/tasks/0/task_config{pointer}"


@pytest.mark.parametrize(
    ("budget", "pointer"),
    [
        ({"max_cost_micros": 1, "on_exceeded": 9}, "/spec/budget/on_exceeded"),
        ({"max_duration_seconds": -1}, "/spec/budget/max_duration_seconds"),
        ({"max_total_tokens": -1}, "/spec/budget/max_total_tokens"),
    ],
)
def test_a_budget_that_nothing_holds_is_refused(budget, pointer):
    """A limit is held, or the workflow is not stored."""
    one = workflow("set_vars", {"variables": {"a": "1"}})
    json_format.ParseDict(budget, one.spec.budget)

    with pytest.raises(UntranslatableError) as caught:
        dsl_document(one)

    assert caught.value.problems[0].pointer == pointer


def test_a_budget_is_in_the_document():
    """Time is the DSL's own timeout; cost and tokens are in the header's metadata."""
    one = workflow("set_vars", {"variables": {"a": "1"}})
    limits = {"max_cost_micros": 5, "max_duration_seconds": 9}
    json_format.ParseDict(limits, one.spec.budget)

    document = dsl_document(one)

    assert document["timeout"] == {"after": {"seconds": 9}}
    assert document["document"]["metadata"]["stigmer.ai/budget"] == {"maxCostMicros": 5, "onExceeded": "terminate"}


@pytest.mark.parametrize(("policy", "word"), [("human_review", "review"), ("warn", "warn")])
def test_a_budget_that_does_not_end_the_run_has_its_own_limit_of_time(policy, word):
    """The DSL's timeout would end it."""
    one = workflow("set_vars", {"variables": {"a": "1"}})
    json_format.ParseDict({"max_duration_seconds": 9, "on_exceeded": f"budget_exceeded_{policy}"}, one.spec.budget)

    document = dsl_document(one)

    assert "timeout" not in document
    assert document["document"]["metadata"]["stigmer.ai/budget"] == {"maxDurationSeconds": 9, "onExceeded": word}


def test_what_undoes_a_task_is_in_its_metadata():
    """As the try that asks for it is; both stay out of the DSL's own words."""
    undone = {**INNER[0], "compensate": INNER}
    document = dsl_document(workflow("try_catch", {"try": [undone], "catch": {"compensate": True, "do": INNER}}))

    body = document["do"][0]["first"]
    assert body["metadata"] == {"stigmer.ai/compensate": True}
    assert body["try"][0]["inner"]["metadata"] == {"stigmer.ai/compensate": [{"inner": {"set": {"a": "1"}}}]}


@pytest.mark.parametrize(
    ("config", "options"),
    [
        ({"max_parallelism": 4, "batch_size": 10}, {"maxParallelism": 4, "batchSize": 10}),
        ({"max_parallelism": 1}, {"maxParallelism": 1}),
        ({"on_error": "FOR_EACH_SKIP"}, {"onError": "skip"}),
        ({"max_parallelism": 2, "on_error": "FOR_EACH_CONTINUE"}, {"maxParallelism": 2, "onError": "continue"}),
    ],
)
def test_how_a_loop_goes_is_in_its_metadata(config, options):
    """Next to the tasks that undo it, for which the DSL has no words either."""
    one = workflow("for_each", {**LOOP, **config})
    json_format.ParseDict({"compensate": INNER}, one.spec.tasks[0])

    metadata = dsl_document(one)["do"][0]["first"]["metadata"]

    assert metadata == {"stigmer.ai/for-each": options, "stigmer.ai/compensate": [{"inner": {"set": {"a": "1"}}}]}


@pytest.mark.parametrize("config", [{"max_parallelism": 0, "batch_size": 0}, {"on_error": "FOR_EACH_FAIL_FAST"}])
def test_a_loop_with_what_is_usual_is_the_loop_of_the_dsl(config):
    """One item after the other, each with the output of the one before."""
    assert "metadata" not in dsl_document(workflow("for_each", {**LOOP, **config}))["do"][0]["first"]


def test_a_moment_is_waited_for_from_the_start_of_the_task():
    """In milliseconds of the epoch, so that a run that is made again waits no longer."""
    document = dsl_document(workflow("wait", {"until": "2030-01-01T00:00:00Z"}))

    expected = "${ {milliseconds: ([0, 1893456000000 - $task.startedAt.epoch.milliseconds] | max)} }"
    assert document["do"] == [{"first": {"wait": expected}}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain {x} $5", "plain {x} $5"),
        ("${ .a }", "${ .a }"),
        ("a ${ .b }", '${ "a " + ((.b) | tostring) }'),
        ('${ {a: "}"} } and ${ .c }', '${ (({a: "}"}) | tostring) + " and " + ((.c) | tostring) }'),
        ("${ .open", "${ .open"),
    ],
)
def test_expressions_inside_texts_are_evaluated(text, value):
    """The DSL evaluates whole strings only."""
    document = dsl_document(workflow("set_vars", {"variables": {"a": text}}))

    assert document["do"] == [{"first": {"set": {"a": value}}}]


def examples():
    """Yield the examples of every kind that the registry shows."""
    for kind, one in yaml.safe_load(TABLE.read_text()).items():
        for name, config in one["examples"].items():
            yield pytest.param(kind, config, id=f"{kind}-{name}")


@pytest.mark.parametrize(("kind", "config"), list(examples()))
def test_what_the_registry_shows_can_be_written(kind, config):
    """Each example becomes a task of a document."""
    (task,) = dsl_document(workflow(kind, config))["do"]

    assert list(task) == ["first"]
