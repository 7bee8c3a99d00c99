"""Proto3 JSON of a message, from a plan that is made once per message type.

`google.protobuf.json_format` asks the descriptors anew at each field, which is most of what a write costs. What it
returns is what this returns, field for field; the well-known types that are rare in resources are left to it.
"""

from __future__ import annotations

import base64
import math
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.timestamp_pb2 import Timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor, EnumDescriptor
    from google.protobuf.message import Message

    from stigmer_core.program import Json

_PLAIN = frozenset(
    {
        Field.TYPE_STRING,
        Field.TYPE_BOOL,
        Field.TYPE_INT32,
        Field.TYPE_SINT32,
        Field.TYPE_SFIXED32,
        Field.TYPE_UINT32,
        Field.TYPE_FIXED32,
    }
)
_LONG = frozenset(
    {Field.TYPE_INT64, Field.TYPE_SINT64, Field.TYPE_SFIXED64, Field.TYPE_UINT64, Field.TYPE_FIXED64},
)


def json_of(message: Message) -> Json:
    """Return proto3 JSON of a message.

    Raises:
        ValueError: it cannot be written; `json_format` says where.
    """
    return _message_writer(message.DESCRIPTOR)(message)


@cache
def _message_writer(descriptor: Descriptor) -> Callable[[Any], Json]:
    if descriptor.full_name in _KNOWN:
        return _KNOWN[descriptor.full_name]
    if descriptor.file.package == "google.protobuf":
        return json_format.MessageToDict
    fields: dict[Any, tuple[str, Callable[[Any], Json] | None]] = {}

    def write(message: Any) -> Json:
        written = {}
        for field, value in message.ListFields():
            known = fields.get(field)
            if known is None:
                known = fields[field] = (field.json_name, _field_writer(field))
            name, writer = known
            written[name] = value if writer is None else writer(value)
        return written

    return write


def _field_writer(field: Any) -> Callable[[Any], Json] | None:
    """Return what writes a field's value; None when the value is its own JSON."""
    if field.is_extension:
        raise ValueError("an extension has a name of its own")
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return _map_writer(field.message_type)
    single = _value_writer(field)
    if not field.is_repeated:
        return single
    return list if single is None else lambda values: [single(value) for value in values]


def _map_writer(entry: Any) -> Callable[[Any], Json]:
    single = _value_writer(entry.fields_by_name["value"])
    key = _key if entry.fields_by_name["key"].type == Field.TYPE_BOOL else str
    if single is None:
        return lambda values: {key(name): value for name, value in values.items()}
    return lambda values: {key(name): single(value) for name, value in values.items()}


def _key(key: bool) -> str:  # noqa: FBT001 - of a map
    return "true" if key else "false"


def _value_writer(field: Any) -> Callable[[Any], Json] | None:
    kind = field.type
    if kind in _PLAIN:
        return None
    if kind in _LONG:
        return str
    if kind == Field.TYPE_ENUM:
        return _enum_writer(field.enum_type)
    if kind == Field.TYPE_BYTES:
        return lambda value: base64.b64encode(value).decode("ascii")
    if kind == Field.TYPE_DOUBLE:
        return _double
    if kind == Field.TYPE_MESSAGE:
        return _message_writer(field.message_type)
    raise ValueError("a float has a shortest form of its own, and a group none")


def _enum_writer(enum: EnumDescriptor) -> Callable[[Any], Json]:
    if enum.full_name == "google.protobuf.NullValue" or enum.is_closed:
        raise ValueError("this enumeration has rules of its own")
    names = {number: value.name for number, value in enum.values_by_number.items()}
    return lambda value: names.get(value, value)


def _double(value: float) -> Json:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _struct(message: Any) -> dict[str, Json]:
    fields = message.fields  # its `items` is a generator in Python
    return {name: _value(fields[name]) for name in fields}


def _value(message: Any) -> Json:
    kind = message.WhichOneof("kind")
    if kind == "string_value":
        return message.string_value
    if kind == "number_value":
        if not math.isfinite(message.number_value):
            raise ValueError("a number of a Struct is not finite")
        return message.number_value
    if kind == "struct_value":
        return _struct(message.struct_value)
    if kind == "list_value":
        return [_value(item) for item in message.list_value.values]
    return message.bool_value if kind == "bool_value" else None


@lru_cache(maxsize=1024)  # a resource has the same few each time it is written
def _timestamp(seconds: int, nanos: int) -> str:
    return Timestamp(seconds=seconds, nanos=nanos).ToJsonString()


_KNOWN: dict[str, Callable[[Any], Json]] = {
    "google.protobuf.Struct": _struct,
    "google.protobuf.Value": _value,
    "google.protobuf.Timestamp": lambda message: _timestamp(message.seconds, message.nanos),
    "google.protobuf.Duration": lambda message: message.ToJsonString(),
}
