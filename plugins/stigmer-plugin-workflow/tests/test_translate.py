"""The API's task list becomes a plain DSL document, task kind by task kind, and one row for each."""

from __future__ import annotations

import pytest
from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflow.v1.enum_pb2 import WorkflowTaskKind
from google.protobuf import json_format
from stigmer_plugin_workflow._adopt import adopt_dsl
from stigmer_plugin_workflow._creation import run_input_of
from stigmer_plugin_workflow.translation.document import dsl_document
from stigmer_plugin_workflow.translation.kinds import KINDS

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
    "grpc_call": (
        {"service": "shop.example:443/shop.v1.Orders", "method": "Get", "request": {"id": "${ .id }"}},
        {
            "call": "grpc",
            "with": {
                "service": {"name": "shop.v1.Orders", "host": "shop.example", "port": 443},
                "method": "Get",
                "arguments": {"id": "${ .id }"},
            },
        },
    ),
    "activity_call": (
        {"activity": "render", "input": {"a": 1}},
        {"call": "stigmer:activity", "with": {"activity": "render", "input": {"a": 1}}},
    ),
    "listen": (
        {"to": {"mode": "one", "signals": [{"id": "a", "type": "signal"}, {"id": "b", "type": "signal"}]}},
        {"listen": {"to": {"any": [{"with": {"type": "a"}}, {"with": {"type": "b"}}]}}},
    ),
    "run_workflow": (
        {"workflow": "acme/bill", "input": {"n": "${ .n }"}},
        {"call": "stigmer:workflow", "with": {"workflow": "acme/bill", "input": {"n": "${ .n }"}}},
    ),
    "agent_call": (
        {
            "agent": "reviewer",
            "message": "Look at ${ .url }",
            "env": {"A": "${ .a }"},
            "run_config": {"max_cost_usd": 0.5},
            "harness": "HARNESS_CURSOR",
            "output": {"schema": {"type": "object"}, "on_invalid": "ON_INVALID_RETRY", "max_retries": 2},
            "environment_refs": [{"slug": "prod", "kind": "environment"}],
        },
        {
            "call": "stigmer:agent",
            "with": {
                "agent": "reviewer",
                "message": '${ "Look at " + ((.url) | tostring) }',
                "env": {"A": "${ .a }"},
                "config": {"max_cost_usd": 0.5},
                "harness": "HARNESS_CURSOR",
                "output": {"schema": {"type": "object"}, "onFail": "retry", "retries": 2},
                "environmentRefs": [{"slug": "prod", "kind": "environment"}],
            },
        },
    ),
    "llm_call": (
        {"model": "m", "prompt": "p", "system_prompt": "s", "max_tokens": 5, "timeout": 9, "max_cost_micros": "7"},
        {
            "call": "stigmer:llm",
            "with": {"model": "m", "prompt": "p", "system": "s", "maxTokens": 5, "maxCostMicros": 7},
            "timeout": {"after": {"seconds": 9}},
        },
    ),
    "human_input": (
        {
            "prompt": "Sure?",
            "outcomes": [{"name": "approve", "label": "Yes"}, {"name": "deny", "then": "end"}],
            "timeout": 60,
            "on_timeout": "HUMAN_INPUT_TIMEOUT_DENY",
        },
        {
            "call": "stigmer:human",
            "with": {
                "prompt": "Sure?",
                "outcomes": [{"name": "approve", "label": "Yes"}, {"name": "deny", "then": "end"}],
                "onTimeout": "deny",
            },
            "timeout": {"after": {"seconds": 60}},
        },
    ),
    "validate": (
        {
            "input": ".order",
            "schema": {"type": "object"},
            "rules": [{"name": "paid", "expression": ".paid"}],
            "on_fail": "VALIDATION_FAIL_WARN",
        },
        {
            "call": "stigmer:validate",
            "with": {
                "input": "${ .order }",
                "schema": {"type": "object"},
                "rules": [{"name": "paid", "when": "${ .paid }"}],
                "onFail": "warn",
            },
        },
    ),
    "emit_event": (
        {
            "event": {"type": "t", "data": {"n": 1}},
            "delivery": [{"signal": {"execution_id": "x", "signal_name": "go"}}],
        },
        {
            "do": [
                {"emit": {"emit": {"event": {"with": {"type": "t", "data": {"n": 1}}}}}},
                {
                    "deliver": {
                        "call": "stigmer:deliver",
                        "with": {"targets": [{"signal": {"execution": "x", "name": "go"}}]},
                    }
                },
            ]
        },
    ),
    "notification": (
        {"channel": "webhook", "recipients": ["https://x"], "body": "n: ${ .n }", "metadata": {"k": "v"}},
        {
            "call": "stigmer:notify",
            "with": {
                "recipients": ["https://x"],
                "message": {"body": '${ "n: " + ((.n) | tostring) }', "metadata": {"k": "v"}},
            },
        },
    ),
    "eval": (
        {"model": "m", "subject": "${ .a }", "rubric": "r", "threshold": 0.5, "on_fail": "EVAL_FAIL_WARN"},
        {
            "call": "stigmer:llm",
            "with": {
                "model": "m",
                "subject": "${ .a }",
                "rubric": "r",
                "scoring": "pass",
                "threshold": 0.5,
                "onFail": "warn",
            },
        },
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


OTHERWISE = {
    "a question that is escalated": (
        "human_input",
        {
            "prompt": "Sure?",
            "timeout": 60,
            "on_timeout": "HUMAN_INPUT_TIMEOUT_ESCALATE",
            "notification_channels": ["mail", "ops"],
        },
        {
            "call": "stigmer:human",
            "with": {"prompt": "Sure?", "channels": ["mail", "ops"], "escalate": True},
            "timeout": {"after": {"seconds": 60}},
        },
    ),
    "a channel of the configuration": (
        "notification",
        {"channel": "mail", "recipients": ["a@x.org"], "body": "b", "template": "t"},
        {
            "call": "stigmer:notify",
            "with": {"channel": "mail", "template": "t", "recipients": ["a@x.org"], "message": {"body": "b"}},
        },
    ),
    "JSONata": (
        "transform",
        {"engine": "TRANSFORM_ENGINE_JSONATA", "expression": "$sum(items.price)", "input": ".order"},
        {
            "call": "stigmer:jsonata",
            "with": {"expression": "$sum(items.price)"},
            "input": {"from": "${ .order }"},
        },
    ),
}


@pytest.mark.parametrize(("kind", "config", "body"), OTHERWISE.values(), ids=OTHERWISE)
def test_options_of_a_kind_are_options_of_its_task(kind, config, body):
    """Nothing is dropped."""
    assert dsl_document(workflow(kind, config))["do"] == [{"first": body}]


@pytest.mark.parametrize(("kind", "config", "body"), [(k, *v) for k, v in TRANSLATED.items()], ids=TRANSLATED)
def test_a_task_kind_has_its_dsl_task(kind, config, body):
    """Whole numbers stay whole, and the flow directive comes along."""
    document = dsl_document(workflow(kind, config, then="end"))

    assert document["document"]["dsl"] == "1.0.3"
    assert document["do"] == [{"first": {**body, "then": "end"}}]


def test_every_supported_kind_is_in_the_table():
    """A kind that is added without its row is noticed."""
    assert set(TRANSLATED) == set(KINDS)


def test_a_short_error_name_is_a_runtime_error_of_that_title():
    """Only a URI is a type of its own."""
    document = dsl_document(workflow("raise_error", {"error": "Boom"}))

    error = document["do"][0]["first"]["raise"]["error"]
    assert error == {
        "type": "https://serverlessworkflow.io/spec/1.0.0/errors/runtime",
        "title": "Boom",
        "status": 500,
    }


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("steps", "1.0.0-rc.1", {"name": "steps", "version": "1.0.0-rc.1"}),
        ("Calls agents!", "v2", {"name": "Calls-agents", "title": "Calls agents!", "version": "2.0.0"}),
        ("x" * 70, "1.2", {"name": "x" * 63, "title": "x" * 70, "version": "1.2.0"}),
        ("steps", "9" * 5000, {"name": "steps", "version": "9" * 5000 + ".0.0"}),
    ],
)
def test_a_heading_is_one_of_the_dsl(name, version, expected):
    """Whatever an author of the API's messages writes there."""
    one = workflow("set_vars", {"variables": {"a": "1"}})
    one.spec.document.name, one.spec.document.version = name, version

    header = dsl_document(one)["document"]

    assert {key: header[key] for key in ("name", "version", "title") if key in header} == expected


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
