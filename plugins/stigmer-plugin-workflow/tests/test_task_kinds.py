"""Every kind of task is described, with a schema that takes what the kind's message takes and nothing else."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import yaml
from ai.stigmer.agentic.workflow.v1 import task_kind_descriptor_pb2 as pb
from ai.stigmer.agentic.workflow.v1.enum_pb2 import WorkflowTaskKind
from google.protobuf import json_format, message_factory
from stigmer_plugin_workflow._task_kinds import SERVICE, _registry, config_messages
from stigmer_plugin_workflow.translation.kinds import KINDS as RUN

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.server.validation import validate
from stigmer_core.testing.installation import installation

KINDS = [name for name, number in WorkflowTaskKind.items() if number]
DESCRIPTORS = {
    WorkflowTaskKind.Name(one.kind): one for one in pb.GetTaskKindRegistryResponse.FromString(_registry()).descriptors
}
SCHEMAS = {kind: json.loads(one.config_json_schema) for kind, one in DESCRIPTORS.items()}
INNER = [{"name": "inner", "kind": "set_vars", "task_config": {"variables": {"a": "1"}}}]
BROKEN = {
    "an unknown field": ("set_vars", {"variables": {"a": "1"}, "variable": {}}),
    "nothing": ("set_vars", {}),
    "no variables": ("set_vars", {"variables": {}}),
    "a list for a map": ("set_vars", {"variables": ["a"]}),
    "another method": ("http_call", {"method": "TRACE", "endpoint": {"uri": "https://x"}}),
    "no endpoint": ("http_call", {"method": "GET"}),
    "no address": ("http_call", {"method": "GET", "endpoint": {"uri": ""}}),
    "too long a wait": ("http_call", {"method": "GET", "endpoint": {"uri": "x"}, "timeout_seconds": 301}),
    "a negative wait": ("http_call", {"method": "GET", "endpoint": {"uri": "x"}, "timeout_seconds": -1}),
    "half a second": ("http_call", {"method": "GET", "endpoint": {"uri": "x"}, "timeout_seconds": 0.5}),
    "no cases": ("switch_case", {"cases": []}),
    "a case without a way on": ("switch_case", {"cases": [{"name": "a"}]}),
    "no tasks": ("for_each", {"each": "n", "in": ".x", "do": []}),
    "a negative number of items": ("for_each", {"each": "n", "in": ".x", "do": INNER, "max_parallelism": -1}),
    "an unknown policy": ("for_each", {"each": "n", "in": ".x", "do": INNER, "on_error": "FOR_EACH_HOPE"}),
    "a task without a name": ("for_each", {"each": "n", "in": ".x", "do": [{"kind": "wait", "task_config": {}}]}),
    "a task with a bad name": ("for_each", {"each": "n", "in": ".x", "do": [{**INNER[0], "name": "a b"}]}),
    "one branch": ("fork", {"branches": [{"name": "a", "do": INNER}]}),
    "no mode": ("listen", {"to": {"signals": [{"id": "a", "type": "signal"}]}}),
    "another mode": ("listen", {"to": {"mode": "any", "signals": [{"id": "a", "type": "signal"}]}}),
    "two ways to wait": ("wait", {"duration": {"seconds": 1}, "until": "2030-01-01T00:00:00Z"}),
    "a negative duration": ("wait", {"duration": {"seconds": -1}}),
    "no language": ("transform", {"expression": ".a"}),
    "the language of nobody": ("transform", {"engine": "TRANSFORM_ENGINE_UNSPECIFIED", "expression": ".a"}),
    "too warm": ("llm_call", {"model": "m", "prompt": "p", "temperature": 2.1}),
    "six tries": ("llm_call", {"model": "m", "prompt": "p", "max_retries": 6}),
    "words for a number": ("llm_call", {"model": "m", "prompt": "p", "max_cost_micros": "much"}),
    "too long a name": ("agent_call", {"agent": "a" * 128, "message": "m"}),
    "an entry from nowhere": (
        "agent_call",
        {"agent": "a", "message": "m", "workspace_entries": [{"name": "w", "source": {}}]},
    ),
    "a reference to another kind": (
        "agent_call",
        {"agent": "a", "message": "m", "environment_refs": [{"slug": "ab", "kind": "agent"}]},
    ),
    "no receiver": ("emit_event", {"event": {"type": "t"}, "delivery": [{}]}),
    "nobody to tell": ("notification", {"channel": "email", "body": "b", "recipients": []}),
    "over the top": ("eval", {"model": "m", "subject": "s", "rubric": "r", "threshold": 1.5}),
    "a month and a day": ("human_input", {"prompt": "p", "timeout": 2592001}),
}
# What the message alone takes, because a task in a list is only as deep as its own rules.
BROKEN_INSIDE = {
    "a nested configuration": ("try_catch", {"try": [{"name": "a", "kind": "wait", "task_config": {"secs": 1}}]}),
    "two levels down": (
        "for_each",
        {"each": "n", "in": ".x", "do": [{"name": "a", "kind": "try_catch", "task_config": {"try": [{"name": "b"}]}}]},
    ),
}
ODD_AND_GOOD = {
    "zero for the default": ("http_call", {"method": "GET", "endpoint": {"uri": "x"}, "timeout_seconds": 0}),
    "a moment": ("wait", {"until": "2030-01-01T00:00:00Z"}),
    "a big number as text": ("llm_call", {"model": "m", "prompt": "p", "max_cost_micros": "9007199254740993"}),
    "any payload": ("human_input", {"prompt": "p", "payload": [1, {"a": None}]}),
    "a reference": (
        "agent_call",
        {"agent": "a", "message": "m", "environment_refs": [{"slug": "ab", "kind": "environment"}]},
    ),
}


def translated():
    """Return the configurations that the tests of the translation use."""
    path = Path(__file__).parent / "test_translate.py"
    spec = importlib.util.spec_from_file_location("test_translate_examples", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {kind: config for kind, (config, _) in module.TRANSLATED.items()}


def takes(kind, config):
    """Say whether the message of a kind takes a configuration."""
    message = message_factory.GetMessageClass(config_messages()[kind])()
    try:
        validate(json_format.ParseDict(config, message))
    except (json_format.ParseError, InvalidArgumentError):
        return False
    return True


@pytest.fixture(scope="module")
def fits():
    """A function that says whether a configuration fits a kind's schema."""
    rust = pytest.importorskip("jsonschema_rs")
    validators = {kind: rust.Draft202012Validator(schema, validate_formats=True) for kind, schema in SCHEMAS.items()}
    return lambda kind, config: validators[kind].is_valid(config)


def places(schema):
    """Yield every schema within a schema."""
    yield schema
    for word, value in schema.items():
        if word in ("properties", "$defs"):
            inner = value.values()
        elif word in ("allOf", "anyOf", "oneOf"):
            inner = value
        else:
            inner = [value] if word in ("items", "additionalProperties", "not", "if", "then", "propertyNames") else []
        for one in inner:
            yield from places(one) if isinstance(one, dict) else ()


async def test_every_kind_is_described(tmp_path):
    """In the order of their numbers, and all of it from the API itself."""
    async with installation(tmp_path) as api:
        answer = await api.call(SERVICE, "getTaskKindRegistry", pb.GetTaskKindRegistryRequest())

    assert [WorkflowTaskKind.Name(one.kind) for one in answer.descriptors] == KINDS
    assert len(KINDS) == 20


@pytest.mark.parametrize("kind", KINDS)
def test_a_descriptor_is_complete(kind):
    """Words, a category, and every field of the message with its number, type, schema and description."""
    one = DESCRIPTORS[kind]
    message = config_messages()[kind]

    assert all((one.display_name, one.icon, one.category, one.yaml_examples))
    assert one.config_proto_type == message.full_name
    assert [(field.name, field.field_number) for field in one.fields] == [(f.name, f.number) for f in message.fields]
    assert all(field.description and field.display_name and field.type for field in one.fields)
    assert {field.group_id for field in one.fields} == {group.id for group in one.field_groups}
    assert ("does not run it" in one.description) == (kind not in RUN)


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_stands_alone(kind):
    """It says which draft it is of, every reference is to something in it, and required fields are fields."""
    schema = SCHEMAS[kind]
    found = list(places(schema))

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    references = {one["$ref"].removeprefix("#/$defs/") for one in found if "$ref" in one}
    assert references == set(schema.get("$defs", {}))
    assert all(
        set(one.get("required", [])) <= set(one["properties"])
        for one in found
        if "additionalProperties" in one and "properties" in one
    )
    assert {
        field["name"] for field in json_format.MessageToDict(DESCRIPTORS[kind])["fields"] if field.get("required")
    } == set(schema.get("required", []))


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_one_of_its_draft(kind):
    """By the draft's own schema of schemas; so is the one of each field."""
    rust = pytest.importorskip("jsonschema_rs")

    for schema in (SCHEMAS[kind], *(json.loads(field.json_schema_fragment) for field in DESCRIPTORS[kind].fields)):
        rust.meta.validate({"$schema": SCHEMAS[kind]["$schema"], **schema})


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_examples_fit(kind, fits):
    """As YAML they are a list of tasks of the kind, and their configuration is one of the message too."""
    for text in DESCRIPTORS[kind].yaml_examples:
        (task,) = yaml.safe_load(text)
        assert (task["kind"], fits(kind, task["task_config"]), takes(kind, task["task_config"])) == (kind, True, True)


@pytest.mark.parametrize(("kind", "config"), translated().items())
def test_what_can_be_translated_fits(kind, config, fits):
    """What the server runs is nothing that an editor underlines."""
    assert fits(kind, config)


@pytest.mark.parametrize(("kind", "config"), ODD_AND_GOOD.values(), ids=ODD_AND_GOOD)
def test_the_odd_and_good_fits(kind, config, fits):
    """Whatever the message takes."""
    assert (fits(kind, config), takes(kind, config)) == (True, True)


@pytest.mark.parametrize(("kind", "config"), BROKEN.values(), ids=BROKEN)
def test_a_broken_configuration_does_not_fit(kind, config, fits):
    """Nor does the message take it: the schema and the rules agree."""
    assert (fits(kind, config), takes(kind, config)) == (False, False)


@pytest.mark.parametrize(("kind", "config"), BROKEN_INSIDE.values(), ids=BROKEN_INSIDE)
def test_a_broken_task_in_a_task_does_not_fit(kind, config, fits):
    """Its kind says which configuration it has, however deep it is."""
    assert (fits(kind, config), fits(kind, {})) == (False, False)
