"""What a form needs to know of one field of a task's configuration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflow.v1 import task_kind_descriptor_pb2 as pb
from ai.stigmer.commons.apiresource import field_options_pb2
from google.protobuf.descriptor import FieldDescriptor

from stigmer_plugin_workflow._json_schema import field_schema

if TYPE_CHECKING:
    from stigmer_plugin_workflow._schema_rules import Schema

_F = FieldDescriptor
_REQUIRED, _OPTIONAL = "required", "optional"
FIELD_GROUPS = (
    pb.TaskFieldGroup(id=_REQUIRED, display_name="Required", description="What the task cannot do without."),
    pb.TaskFieldGroup(id=_OPTIONAL, display_name="Optional", description="What can be left out."),
)
_TYPES = {
    _F.TYPE_STRING: pb.TASK_FIELD_TYPE_STRING,
    _F.TYPE_BYTES: pb.TASK_FIELD_TYPE_STRING,
    _F.TYPE_BOOL: pb.TASK_FIELD_TYPE_BOOL,
    _F.TYPE_DOUBLE: pb.TASK_FIELD_TYPE_FLOAT,
    _F.TYPE_FLOAT: pb.TASK_FIELD_TYPE_FLOAT,
    _F.TYPE_ENUM: pb.TASK_FIELD_TYPE_ENUM,
    _F.TYPE_MESSAGE: pb.TASK_FIELD_TYPE_MESSAGE,
}
_MESSAGES = {
    "google.protobuf.Struct": pb.TASK_FIELD_TYPE_STRUCT,
    "google.protobuf.Value": pb.TASK_FIELD_TYPE_STRUCT,
    "google.protobuf.Timestamp": pb.TASK_FIELD_TYPE_STRING,
    "google.protobuf.Duration": pb.TASK_FIELD_TYPE_STRING,
}
_SCALAR_NAMES = {number: name.removeprefix("TYPE_").lower() for name, number in vars(_F).items() if name[:5] == "TYPE_"}
_HINTS = {
    "minLength": ("at least", "character"),
    "maxLength": ("at most", "character"),
    "minimum": ("at least", ""),
    "exclusiveMinimum": ("more than", ""),
    "maximum": ("at most", ""),
    "exclusiveMaximum": ("less than", ""),
    "minItems": ("at least", "item"),
    "maxItems": ("at most", "item"),
    "minProperties": ("at least", "entry"),
    "maxProperties": ("at most", "entry"),
}
_PLURALS = {"entry": "entries"}
_BOUNDS_OF_A_TYPE = (-(2**31), 2**31 - 1, 2**32 - 1)  # say nothing about the field


def field_descriptor(field: FieldDescriptor, description: str) -> pb.TaskFieldDescriptor:
    """Return the descriptor of a field."""
    schema, required = field_schema(field)
    return pb.TaskFieldDescriptor(
        name=field.name,
        display_name=field.name.replace("_", " ").capitalize(),
        description=description,
        type=_type(field),
        required=required,
        is_expression=field.GetOptions().Extensions[field_options_pb2.is_expression],
        enum_values=_values(field, schema),
        json_schema_fragment=json.dumps(schema, separators=(",", ":")),
        group_id=_REQUIRED if required else _OPTIONAL,
        field_number=field.number,
        element_type=_element(field),
        validation_hints=_hints(schema),
    )


def _type(field: FieldDescriptor) -> pb.TaskFieldType.ValueType:
    if _is_map(field):
        return pb.TASK_FIELD_TYPE_MAP
    if field.is_repeated:
        return pb.TASK_FIELD_TYPE_REPEATED
    if field.message_type is not None and field.message_type.full_name in _MESSAGES:
        return _MESSAGES[field.message_type.full_name]
    return _TYPES.get(field.type, pb.TASK_FIELD_TYPE_INT32)


def _element(field: FieldDescriptor) -> str:
    """Return the full name of the message or enum that a list or map holds, or the name of the scalar type."""
    if not field.is_repeated:
        return ""
    held = field.message_type.fields_by_name["value"] if field.message_type is not None and _is_map(field) else field
    described = held.message_type or held.enum_type
    return str(described.full_name) if described is not None else _SCALAR_NAMES[held.type]


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _values(field: FieldDescriptor, schema: Schema) -> list[str]:
    values: Any = schema.get("enum", [])
    return [str(value) for value in values] if not field.is_repeated else []


def _hints(schema: Any) -> list[str]:
    """Return the rules in a schema, in words."""
    hints = [_hint(word, limit) for word, limit in schema.items() if word in _HINTS and limit not in _BOUNDS_OF_A_TYPE]
    if schema.get("type") == "string" and "pattern" in schema:
        hints.append(f"matches {schema['pattern']}")
    zero, *rest = schema.get("anyOf", [{}])
    for rules in rest:
        hints += [f"{hint}, or {zero['const']}" for hint in _hints(rules)]
    return hints + ([schema["description"]] if "description" in schema else [])


def _hint(word: str, limit: Any) -> str:
    how, unit = _HINTS[word]
    unit = unit if limit == 1 or not unit else _PLURALS.get(unit, f"{unit}s")
    return f"{how} {limit} {unit}".rstrip()
