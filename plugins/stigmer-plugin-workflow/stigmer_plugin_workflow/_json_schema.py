"""JSON schemas (draft 2020-12) of messages, from their descriptors and the rules that these carry.

Fields are named as in the .proto file, enum values by name. A rule in CEL becomes part of the description.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from ai.stigmer.commons.apiresource import field_options_pb2
from ai.stigmer.commons.apiresource.apiresourcekind.api_resource_kind_pb2 import ApiResourceKind
from buf.validate import validate_pb2

from stigmer_plugin_workflow._schema_rules import constrained, is_required, list_constraints, map_constraints, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor

    from stigmer_core.program import Json
    from stigmer_plugin_workflow._schema_rules import Schema

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_WRAPPERS = {"String": "string", "Bool": "boolean", "Double": "number", "Float": "number", "Int32": "integer"}
_WELL_KNOWN: dict[str, dict[str, Any]] = {
    "google.protobuf.Any": {"type": "object", "required": ["@type"]},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.Empty": {"type": "object", "maxProperties": 0},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Value": {},
    **{f"google.protobuf.{name}Value": {"type": [kind, "null"]} for name, kind in _WRAPPERS.items()},
}


def message_schema(descriptor: Descriptor, variants: Mapping[str, Descriptor]) -> Schema:
    """Return the schema of a message, whole: what it refers to is in its `$defs`.

    Args:
        descriptor: the message's.
        variants: the messages that a Struct may stand for, by the value of the field that says which.
    """
    builder = _Builder(variants)
    schema = {"$schema": DRAFT, "title": descriptor.name, **builder.message(descriptor)}
    return schema | ({"$defs": builder.definitions} if builder.definitions else {})


def field_schema(field: FieldDescriptor) -> tuple[Schema, bool]:
    """Return the schema of one field and whether it must be there.

    It may refer to the `$defs` of the schema of its message.
    """
    return _Builder({}).field(field)


class _Builder:
    """Makes schemas that refer to each other, so that a message may contain itself."""

    def __init__(self, variants: Mapping[str, Descriptor]) -> None:
        self._variants = variants
        self.definitions: dict[str, Json] = {}

    def message(self, descriptor: Descriptor) -> Schema:
        """Return the schema of a message's JSON object."""
        properties: dict[str, Json] = {}
        required: list[Json] = []
        conditions: list[Json] = []
        for field in descriptor.fields:
            properties[field.name], needed = self.field(field)
            required += [field.name] if needed else []
            conditions += self._choices(field)
        for oneof in descriptor.oneofs:
            conditions += _exclusive(oneof)
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        schema |= {"required": required} if required else {}
        schema |= {"allOf": conditions} if conditions else {}
        return schema | _description(descriptor.GetOptions().Extensions[validate_pb2.message].cel)

    def field(self, field: FieldDescriptor) -> tuple[Schema, bool]:
        """Return the schema of a field, and whether it must be there."""
        rules = field.GetOptions().Extensions[validate_pb2.field]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            value = self._single(field.message_type.fields_by_name["value"], rules.map.values)
            schema: Schema = {"type": "object", "additionalProperties": value, **map_constraints(rules)}
        elif field.is_repeated:
            items = self._single(field, rules.repeated.items)
            schema = {"type": "array", "items": items, **list_constraints(rules)}
        else:
            schema = self._single(field, rules)
        return schema, is_required(field, rules)

    def _single(self, field: FieldDescriptor, rules: Any) -> Schema:
        if field.message_type is not None:
            schema: Schema = {**self._reference(field.message_type), **_kind_of_reference(field)}
        elif field.enum_type is not None:
            schema = constrained(field, rules, {"enum": [value.name for value in field.enum_type.values]})
        else:
            schema = constrained(field, rules, scalar(field))
        return schema | _description(rules.cel)

    def _reference(self, descriptor: Descriptor) -> Schema:
        name = descriptor.full_name
        known = _WELL_KNOWN.get(name)
        if known is not None:
            return dict(known)
        if name not in self.definitions:
            self.definitions[name] = {}  # there before its fields are looked at, which may refer to it
            self.definitions[name] = self.message(descriptor)
        return {"$ref": f"#/$defs/{name}"}

    def _choices(self, field: FieldDescriptor) -> list[Json]:
        """Return what a Struct must be like, by the value of the field that says which message it stands for."""
        by = field.GetOptions().Extensions[field_options_pb2.discriminated_by]
        if not by:
            return []
        return [
            {
                "if": {"properties": {by: {"const": value}}, "required": [by]},
                "then": {"properties": {field.name: self._reference(descriptor)}},
            }
            for value, descriptor in self._variants.items()
        ]


def _kind_of_reference(field: FieldDescriptor) -> Schema:
    kind = field.GetOptions().Extensions[field_options_pb2.reference_kind]
    return {"properties": {"kind": {"const": ApiResourceKind.Name(kind)}}} if kind else {}


def _exclusive(oneof: OneofDescriptor) -> list[Json]:
    """Return that at most one field of a oneof is there, or exactly one."""
    names: list[Json] = [field.name for field in oneof.fields]
    if oneof.GetOptions().Extensions[validate_pb2.oneof].required:
        return [{"oneOf": [{"required": [name]} for name in names]}]
    return [{"not": {"required": list(pair)}} for pair in combinations(names, 2)]


def _description(expressions: Any) -> Schema:
    text = "; ".join(rule.message for rule in expressions if rule.message)
    return {"description": text} if text else {}
