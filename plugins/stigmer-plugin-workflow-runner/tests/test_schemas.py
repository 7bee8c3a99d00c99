"""Schemas of inputs, outputs and the context."""

from __future__ import annotations

import pytest
import yaml
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.faults import TaskFault
from stigmer_plugin_workflow_runner.program.schema_cost import cost_of, measured
from stigmer_plugin_workflow_runner.program.schemas import Schema

NUMBER = "{schema: {document: {properties: {x: {type: integer}}}}}"
FAULTS = [
    (f"[{{a: {{input: {NUMBER}, set: {{y: 1}}}}}}]", "/do/0/a", "the input does not fit its schema at /x"),
    (f"[{{a: {{set: {{x: b}}, output: {NUMBER}}}}}]", "/do/0/a", "the output does not fit its schema at /x"),
    (
        "[{a: {set: {x: b}, export: {as: ., schema: {document: {required: [y]}}}}}]",
        "/do/0/a",
        'the context does not fit its schema at /: "y" is a required property',
    ),
]


@pytest.mark.parametrize(("tasks", "instance", "detail"), FAULTS)
async def test_value_that_does_not_fit_faults_its_task(run, tasks, instance, detail):
    """With the standard validation error, which says where in the value."""
    failure = (await run(tasks, {"x": "b"})).failure

    assert failure.type.endswith("/errors/validation")
    assert (failure.status, failure.instance) == (400, instance)
    assert detail in failure.detail


async def test_schemas_of_the_workflow(run):
    """The input is checked before anything runs, the output at the end."""
    schema = {"schema": {"document": {"type": "array"}}}

    bad_input = await run("[{a: {set: {x: 1}}}]", {}, input=schema)
    bad_output = await run("[{a: {set: {x: 1}}}]", {}, output=schema)
    good = await run("[{a: {set: {x: 1}}}]", [], input=schema, output={"as": "[.x]", **schema})

    assert (bad_input.failure.status, bad_output.failure.status) == (400, 400)
    assert bad_input.failure.detail == 'the input does not fit its schema at /: the value is not of type "array"'
    assert good.output == [1]


async def test_fault_of_a_schema_is_caught_like_any_other(run):
    """And says nothing of the value itself, which may be private."""
    tasks = (
        f"[{{t: {{try: [{{a: {{input: {NUMBER}, set: {{}}}}}}], catch: {{do: [{{c: {{set: '${{ $error }}'}}}}]}}}}}}]"
    )
    error = (await run(tasks.replace("set: {}", "set: {y: 1}"), {"x": "private"})).output

    assert error["title"] == "Validation Error"
    assert "private" not in error["detail"]


async def test_skipped_task_checks_nothing(run):
    """`if` comes first."""
    assert (await run(f"[{{a: {{if: 'false', input: {NUMBER}, set: {{y: 1}}}}}}]", {"x": "b"})).output == {"x": "b"}


BROKEN = [
    ("{type: strng}", "/type", "one of array, boolean, integer"),
    ("{properties: {a: {minimum: x}}}", "/properties/a/minimum", '"x" is not of type "number"'),
    ("{pattern: '('}", "/pattern", 'is not a "regex"'),
    ("{pattern: '(?=a)'}", "/pattern", 'is not a "regex"'),
    ("{$ref: 'http://127.0.0.1:1/x'}", "/$ref", "nothing is fetched"),
    ("{$ref: 'file:///etc/passwd'}", "/$ref", "nothing is fetched"),
    ("{items: {$ref: '#/$defs/b'}}", "/items/$ref", "the schema has no '#/$defs/b'"),
    ("{allOf: [{$ref: '#'}]}", "", "refers to itself in a circle"),
    ("{properties: {a: {$id: 'http://x'}}}", "/properties/a/$id", "an '$id' of its own"),
    ("{$schema: 'http://example.com/draft'}", "", "Unknown meta-schema"),
    ("5", "", 'is not of types "boolean", "object"'),
]


@pytest.mark.parametrize(("schema", "pointer", "message"), BROKEN)
def test_bad_schema_is_a_problem_at_its_place(document, schema, pointer, message):
    """Before anything runs; and nothing is fetched to find out."""
    section = {"schema": {"document": yaml.safe_load(schema)}}
    (problem,) = check(document("[{a: {set: {x: 1}}}]", input=section))

    assert problem.pointer == f"/input/schema/document{pointer}"
    assert message in str(problem)


@pytest.mark.parametrize("format", ["json", "json:2020-12"])
def test_formats(document, format):  # noqa: A002 - the DSL's word
    """JSON Schema in any version; others are refused."""
    assert not check(document("[{a: {set: {x: 1}}}]", input={"schema": {"format": format, "document": {}}}))
    (problem,) = check(document("[{a: {set: {x: 1}}}]", input={"schema": {"format": "avro", "document": {}}}))
    assert problem.pointer == "/input/schema/format"


def doubling(levels):
    """Return definitions that each refer to the next one twice."""
    parts = {f"a{at}": {"allOf": [{"not": {"$ref": f"#/$defs/a{at + 1}"}}] * 2} for at in range(levels)}
    return {"$defs": {**parts, f"a{levels}": {"type": "integer"}}, "$ref": "#/$defs/a0"}


def nested(depth):
    """Return an object in an object, and so on."""
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


RECURSIVE = {"properties": {"a": {"allOf": [{"not": {"$ref": "#"}}, {"not": {"$ref": "#"}}]}}}


@pytest.mark.parametrize(
    ("schema", "value"),
    [(doubling(40), 1), (RECURSIVE, nested(60)), ({"items": {"$ref": "#"}}, nested(5000)), ({}, [0] * 6_000_000)],
    ids=["definitions", "recursion", "depth", "size"],
)
def test_check_that_would_not_end_is_not_begun(schema, value):
    """What it would take is known before, and faults at once."""
    cost, problems = cost_of(schema)

    with pytest.raises(TaskFault, match="too large or too deep"):
        Schema("input", None, cost).validate(value)

    assert not problems


def test_large_values_and_deep_trees_are_bearable():
    """Half a million numbers, and a binary tree: recursion into different parts does not multiply."""
    tree = {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}
    value = {}
    for _ in range(14):
        value = {"left": value, "right": value}

    assert cost_of({"items": {"type": "integer"}})[0].is_bearable([1] * 500_000)
    assert cost_of(tree)[0].is_bearable(value)


@pytest.mark.parametrize(
    ("value", "expected"), [(5, (0, 1)), ([], (1, 1)), ({"a": [1, 2]}, (2, 4)), ("x" * 1000, (0, 11))]
)
def test_measure(value, expected):
    """Depth, and size in parts."""
    assert measured(value) == expected
