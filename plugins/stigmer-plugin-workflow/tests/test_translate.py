"""The API's task list becomes a plain DSL document, task kind by task kind, and nothing is dropped silently."""

from __future__ import annotations

import pytest
from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflow.v1.enum_pb2 import WorkflowTaskKind
from google.protobuf import json_format
from stigmer_plugin_workflow._adopt import adopt_dsl
from stigmer_plugin_workflow._creation import run_input_of
from stigmer_plugin_workflow._translate import _KINDS, UntranslatableError, dsl_document

INNER = [{"name": "inner", "kind": "set_vars", "task_config": {"variables": {"a": "1"}}}]
TRANSLATED = {
    "set_vars": ({"variables": {"a": "${ .b }"}}, {"set": {"a": "${ .b }"}}),
    "http_call": (
        {"method": "GET", "endpoint": {"uri": "https://x"}, "headers": {"h": "v"}, "timeout_seconds": 5},
        {
            "call": "http",
            "with": {"method": "get", "endpoint": {"uri": "https://x"}, "headers": {"h": "v"}},
            "timeout": {"after": {"seconds": 5}},
        },
    ),
    "switch_case": (
        {"cases": [{"name": "a", "when": ".x", "then": "t"}, {"name": "b", "then": "end"}]},
        {"switch": [{"a": {"when": ".x", "then": "t"}}, {"b": {"then": "end"}}]},
    ),
    "for_each": (
        {"each": "n", "in": ".items", "do": INNER},
        {"for": {"each": "n", "in": ".items"}, "do": [{"inner": {"set": {"a": "1"}}}]},
    ),
    "fork": (
        {"branches": [{"name": "l", "do": INNER}, {"name": "r", "do": INNER}], "compete": True},
        {
            "fork": {
                "branches": [
                    {"l": {"do": [{"inner": {"set": {"a": "1"}}}]}},
                    {"r": {"do": [{"inner": {"set": {"a": "1"}}}]}},
                ],
                "compete": True,
            }
        },
    ),
    "try_catch": (
        {"try": INNER, "catch": {"as": "e", "do": INNER}},
        {"try": [{"inner": {"set": {"a": "1"}}}], "catch": {"as": "e", "do": [{"inner": {"set": {"a": "1"}}}]}},
    ),
    "wait": ({"duration": {"seconds": 3}}, {"wait": {"seconds": 3}}),
    "raise_error": (
        {"error": "https://tests/full", "message": "as asked"},
        {
            "raise": {
                "error": {
                    "type": "https://tests/full",
                    "title": "https://tests/full",
                    "status": 500,
                    "detail": "as asked",
                }
            }
        },
    ),
    "transform": (
        {"engine": "TRANSFORM_ENGINE_JQ", "expression": ".a", "input": "${ .b }"},
        {"set": "${ .a }", "input": {"from": "${ .b }"}},
    ),
}
TASK = "/spec/tasks/0"
UNDONE = [{**INNER[0], "compensate": [{"name": "undo"}]}]
REFUSED = {
    "a kind that nothing runs": ("agent_call", {}, f"{TASK}/kind"),
    "a nested kind that nothing runs": (
        "try_catch",
        {"try": [{"name": "ask", "kind": "human_input"}]},
        f"{TASK}/task_config/try/0/kind",
    ),
    "a point in time": ("wait", {"until": "2030-01-01T00:00:00Z"}, f"{TASK}/task_config/until"),
    "parallel iterations": (
        "for_each",
        {"each": "n", "in": ".x", "do": INNER, "max_parallelism": 2},
        f"{TASK}/task_config/max_parallelism",
    ),
    "a compensating catch": (
        "try_catch",
        {"try": INNER, "catch": {"compensate": True}},
        f"{TASK}/task_config/catch/compensate",
    ),
    "a nested compensation": ("try_catch", {"try": UNDONE}, f"{TASK}/task_config/try/0/compensate"),
    "another engine": (
        "transform",
        {"engine": "TRANSFORM_ENGINE_JSONATA", "expression": "a"},
        f"{TASK}/task_config/engine",
    ),
    "no endpoint": ("http_call", {"method": "GET"}, f"{TASK}/task_config/endpoint"),
    "text for an endpoint": ("http_call", {"method": "GET", "endpoint": "https://x"}, f"{TASK}/task_config"),
    "text for a case": ("switch_case", {"cases": ["a"]}, f"{TASK}/task_config"),
    "text for tasks": ("for_each", {"each": "n", "in": ".x", "do": "abc"}, f"{TASK}/task_config"),
    "a number for an expression": (
        "transform",
        {"engine": "TRANSFORM_ENGINE_JQ", "expression": 5},
        f"{TASK}/task_config",
    ),
}
INPUTS = {
    "a JSON object": ('{"a": 1}', {}, {"a": 1}),
    "a JSON list": ("[1]", {}, [1]),
    "plain text": ("hello", {"k": "v"}, {"message": "hello", "metadata": {"k": "v"}}),
    "a JSON number": ("7", {}, {"message": "7", "metadata": {}}),
    "nothing": ("", {}, {}),
}


def workflow(kind, config, **more):
    one = Workflow()
    one.spec.document.name, one.spec.document.namespace, one.spec.document.version = "steps", "tests", "1.0.0"
    task = one.spec.tasks.add(name="first", kind=WorkflowTaskKind.Value(kind))
    json_format.ParseDict(config, task.task_config)
    if "then" in more:
        task.flow.then = more["then"]
    return one


@pytest.mark.parametrize(("kind", "config", "body"), [(k, *v) for k, v in TRANSLATED.items()], ids=TRANSLATED)
def test_a_task_kind_has_its_dsl_task(kind, config, body):
    """Whole numbers stay whole, and the flow directive comes along."""
    document = dsl_document(workflow(kind, config, then="end"))

    assert document["document"]["dsl"] == "1.0.3"
    assert document["do"] == [{"first": {**body, "then": "end"}}]


@pytest.mark.parametrize(("kind", "config", "pointer"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_run_is_refused_at_its_place(kind, config, pointer):
    """Never dropped: the problem points at the option."""
    with pytest.raises(UntranslatableError) as caught:
        dsl_document(workflow(kind, config))

    assert caught.value.problem.pointer == pointer


def test_every_supported_kind_is_in_the_table():
    """A kind that is added without its row is noticed."""
    assert set(TRANSLATED) == set(_KINDS)


def test_a_short_error_name_is_a_runtime_error_of_that_title():
    """Only a URI is a type of its own."""
    document = dsl_document(workflow("raise_error", {"error": "Boom"}))

    error = document["do"][0]["first"]["raise"]["error"]
    assert error == {
        "type": "https://serverlessworkflow.io/spec/1.0.0/errors/runtime",
        "title": "Boom",
        "status": 500,
    }


def test_a_top_level_compensation_is_refused():
    """Never dropped: what should undo a step would not run."""
    one = workflow("set_vars", {"variables": {"a": "1"}})
    one.spec.tasks[0].compensate.add(name="undo", kind=WorkflowTaskKind.Value("set_vars"))

    with pytest.raises(UntranslatableError) as caught:
        dsl_document(one)

    assert caught.value.problem.pointer == f"{TASK}/compensate"


def test_a_dsl_document_comes_back_as_it_was_written():
    """Names, whole numbers, and the parts that the API's message has no field for."""
    document = {
        "document": {"dsl": "1.0.3", "namespace": "n", "name": "w1", "version": "2.0.0"},
        "input": {"from": ".x"},
        "do": [{"a task-1": {"wait": {"seconds": 3}}}, {"2nd": {"set": {"n": 1.5}}}],
    }

    stored = json_format.ParseDict(adopt_dsl(document), Workflow())

    assert dsl_document(stored) == document


@pytest.mark.parametrize(("message", "metadata", "expected"), INPUTS.values(), ids=INPUTS)
def test_the_trigger_message_gives_the_input(message, metadata, expected):
    """A JSON object or list is the input itself, anything else is wrapped."""
    from ai.stigmer.agentic.workflowexecution.v1.spec_pb2 import WorkflowExecutionSpec  # noqa: PLC0415 - only here

    assert run_input_of(WorkflowExecutionSpec(trigger_message=message, trigger_metadata=metadata)) == expected
