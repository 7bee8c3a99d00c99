"""Resources as JSON: quick where it can be, and always what protobuf's own `json_format` says."""

from __future__ import annotations

import json
import math

import pytest
from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution
from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from ai.stigmer.agentic.workflowexecution.v1.io_pb2 import WorkflowExecutionUpdateStatusInput
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.struct_pb2 import Struct
from hypothesis import given, settings
from hypothesis import strategies as st

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.resources.codec import from_dict, to_dict, to_json

MESSAGES = (WorkflowExecution, Workflow, AgentExecution, WorkflowExecutionUpdateStatusInput)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab~/é", max_size=3), inner, max_size=3),
    max_leaves=8,
)
SCALARS = {
    Field.TYPE_STRING: st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    Field.TYPE_BYTES: st.binary(max_size=5),
    Field.TYPE_BOOL: st.booleans(),
    Field.TYPE_DOUBLE: st.floats(),
    Field.TYPE_FLOAT: st.floats(width=32),
    Field.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    Field.TYPE_UINT32: st.integers(0, 2**32 - 1),
    Field.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    Field.TYPE_UINT64: st.integers(0, 2**64 - 1),
    Field.TYPE_ENUM: st.integers(0, 9),
}


def fill(data, message, depth=0):
    """Fill some fields of a message with what Hypothesis chooses."""
    full_name = message.DESCRIPTOR.full_name
    if full_name in ("google.protobuf.Struct", "google.protobuf.Value"):
        value = data.draw(JSON if full_name.endswith("Value") else st.dictionaries(st.text("ab", max_size=2), JSON))
        json_format.ParseDict(value, message)
    elif full_name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
        message.seconds = data.draw(st.integers(0, 10**9))
    elif not full_name.startswith("google.protobuf."):
        fields = [field for field in message.DESCRIPTOR.fields if depth < 5 or field.message_type is None]
        for field in data.draw(st.lists(st.sampled_from(fields), max_size=4)) if fields else ():
            fill_field(data, message, field, depth)
    message.SetInParent()


def fill_field(data, message, field, depth):
    """Fill one field."""
    place = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        value = field.message_type.fields_by_name["value"]
        if value.message_type is not None:
            fill(data, place["key"], depth + 1)
        else:
            place["key"] = data.draw(SCALARS[value.type])
    elif field.is_repeated and field.message_type is not None:
        fill(data, place.add(), depth + 1)
    elif field.is_repeated:
        place.append(data.draw(SCALARS[field.type]))
    elif field.message_type is not None:
        fill(data, place, depth + 1)
    else:
        setattr(message, field.name, data.draw(SCALARS[field.type]))


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.DESCRIPTOR.name)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_message_is_written_and_read_as_by_json_format(kind, data):
    """Whatever is in it: the same text, and from that text the same message."""
    message = kind()
    fill(data, message)

    written = to_dict(message)

    assert json.dumps(written) == json.dumps(json_format.MessageToDict(message))
    assert to_json(message) == json_format.MessageToJson(message, indent=None, ensure_ascii=False)
    assert from_dict(written, kind()).SerializeToString(deterministic=True) == json_format.ParseDict(
        written, kind()
    ).SerializeToString(deterministic=True)


UNUSUAL = [
    {"status": {"totalCostMicros": "7", "phase": 3, "tasks": None}},
    {"status": {"tasks": [{"task_id": "a"}], "total_cost_micros": 2.0}},
    {"executionId": "x", "status": {"audit": {"specAudit": {"createdAt": "2026-01-02T03:04:05Z"}}}},
    {"status": {"tasks": [{"metadata": {"deep": [[[[{"a": [None, {}, []]}]]]]}}]}},
]


@pytest.mark.parametrize("document", UNUSUAL)
def test_what_is_written_unusually_is_read_all_the_same(document):
    """Both spellings, numbers as text, null: all that proto3 JSON allows."""
    wanted = json_format.ParseDict(document, WorkflowExecutionUpdateStatusInput())

    assert from_dict(document, WorkflowExecutionUpdateStatusInput()) == wanted


WRONG = [
    {"nothing": 1},
    {"executionId": 7},
    {"executionId": "\ud800"},
    {"status": {"phase": "NO_SUCH"}},
    {"status": {"totalCostMicros": True}},
    {"status": {"totalCostMicros": 2**63}},
    {"status": {"tasks": {"taskId": "a"}}},
    {"status": {"tasks": [None]}},
    {"events": [{"taskStarted": {}, "taskCompleted": {}}]},
    {"status": {"output": 1}},
]


@pytest.mark.parametrize("document", WRONG, ids=str)
def test_what_is_wrong_is_refused_in_the_words_of_json_format(document):
    """The words name the field, however much was read before it."""
    with pytest.raises(json_format.ParseError) as wanted:
        json_format.ParseDict(document, WorkflowExecutionUpdateStatusInput())

    with pytest.raises(InvalidArgumentError) as caught:
        from_dict(document, WorkflowExecutionUpdateStatusInput())

    assert caught.value.message == str(wanted.value).removeprefix("Failed to parse ")


def test_a_message_that_has_something_keeps_it():
    """A document is merged into it, as before."""
    message = from_dict({"status": {"error": "x"}}, WorkflowExecutionUpdateStatusInput(execution_id="e"))

    assert (message.execution_id, message.status.error) == ("e", "x")


@pytest.mark.parametrize("number", [math.inf, math.nan])
def test_a_number_that_json_does_not_have_is_refused(number):
    """In a free-form object; the words say where."""
    with pytest.raises(InvalidArgumentError, match=r"cannot be written as JSON: .*"):
        to_json(Struct(fields={"a": {"number_value": number}}))
