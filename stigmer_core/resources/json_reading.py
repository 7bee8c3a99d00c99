"""A message from its proto3 JSON, by a plan that is made once per message type.

Only what is written as usual is read here: anything else, right or wrong, is `json_format`'s, which also says what is
wrong and where. It asks the descriptors anew at each field, which was a fifth of what a step of a workflow costs.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.struct_pb2 import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from stigmer_core.program import Json

M = TypeVar("M", bound="Message")

_DEEPEST = 30  # levels; `json_format` counts on, up to its own bound
_MOST_SHAPES = 256  # of one message type
_PACKAGE = "google.protobuf"
_STRUCT = "google.protobuf.Struct"
_TYPES: Mapping[int, type] = {
    Field.TYPE_STRING: str,
    Field.TYPE_BOOL: bool,
    **dict.fromkeys((Field.TYPE_INT32, Field.TYPE_SINT32, Field.TYPE_SFIXED32), int),
    **dict.fromkeys((Field.TYPE_INT64, Field.TYPE_SINT64, Field.TYPE_SFIXED64), int),
    **dict.fromkeys((Field.TYPE_UINT32, Field.TYPE_FIXED32, Field.TYPE_UINT64, Field.TYPE_FIXED64), int),
}


class UnusualError(Exception):
    """The document is written in a way that is not read here, or is wrong."""


_Convert: TypeAlias = "Callable[[Json, int], Any]"


class _Field(NamedTuple):
    """A field that is read here: the type of its values in JSON, and what makes of one what is set; None for itself."""

    name: str
    kind: type
    convert: _Convert | None
    oneof: str


class _Shape(NamedTuple):
    """The fields that a document names, the types of their values, and those whose values are not set as they are."""

    names: tuple[str, ...]
    kinds: tuple[type, ...]
    converted: Sequence[tuple[str, _Convert]]


class _Plan(NamedTuple):
    """The fields of a message type by their names in JSON, and those of the documents that were seen, by their keys."""

    fields: dict[str, _Field]
    shapes: dict[tuple[str, ...], _Shape]


def made_from(kind: type[M], document: Json) -> M:
    """Return a message of a kind.

    Raises:
        UnusualError: the document must be read by `json_format`.
        TypeError: likewise.
        ValueError: likewise, for a value out of range.
    """
    return kind(**_fields(_plan(kind.DESCRIPTOR), document, 0))


def _fields(plan: _Plan, document: Json, depth: int) -> dict[str, Any]:
    """Return the arguments that make a message; messages in it are arguments of their own."""
    if type(document) is not dict or depth > _DEEPEST:
        raise UnusualError
    keys, values = tuple(document), document.values()
    names, kinds, converted = plan.shapes.get(keys) or _shape(plan, keys)
    if tuple(map(type, values)) != kinds:
        raise UnusualError
    fields = dict(zip(names, values))  # noqa: B905 - a name for each value, by the shape
    for name, convert in converted:
        fields[name] = convert(fields[name], depth)
    return fields


def _shape(plan: _Plan, keys: tuple[str, ...]) -> _Shape:
    """Return what documents of these keys are made of."""
    fields = [plan.fields[key] for key in keys if key in plan.fields]
    oneofs = [field.oneof for field in fields if field.oneof]
    if len(fields) < len(keys) or len(set(oneofs)) < len(oneofs):
        raise UnusualError
    converted = [(field.name, field.convert) for field in fields if field.convert is not None]
    shape = _Shape(tuple(field.name for field in fields), tuple(field.kind for field in fields), converted)
    if len(plan.shapes) >= _MOST_SHAPES:
        plan.shapes.clear()
    plan.shapes[keys] = shape
    return shape


def _struct(document: Json, depth: int) -> Any:
    struct = Struct()
    _fill_struct(struct, document, depth + 1)
    return struct


def _fill_struct(message: Any, document: Mapping[str, Json], depth: int) -> None:
    fields = message.fields
    for name, item in document.items():
        _fill_value(fields[name], item, depth)


def _fill_value(message: Any, value: Json, depth: int) -> None:
    if depth > _DEEPEST:
        raise UnusualError
    if isinstance(value, str):
        message.string_value = value
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, (int, float)):
        message.number_value = value
    elif value is None:
        message.null_value = 0
    elif isinstance(value, dict):
        message.struct_value.SetInParent()
        _fill_struct(message.struct_value, value, depth + 1)
    elif isinstance(value, list):
        message.list_value.SetInParent()
        for item in value:
            _fill_value(message.list_value.values.add(), item, depth + 1)
    else:
        raise UnusualError


@cache
def _plan(descriptor: Descriptor) -> _Plan:
    found = [(field.json_name, _field(field)) for field in descriptor.fields]
    return _Plan({name: field for name, field in found if field is not None}, {})


def _field(field: Any) -> _Field | None:
    single = _single(field)
    if single is None:
        return None
    kind, convert = single
    oneof = field.containing_oneof.name if field.containing_oneof is not None else ""
    if field.is_repeated:
        return _Field(field.name, list, _repeated(kind, convert), oneof)
    return _Field(field.name, kind, convert, oneof)


def _single(field: Any) -> tuple[type, _Convert | None] | None:
    if field.type in _TYPES:
        return _TYPES[field.type], None
    if field.type == Field.TYPE_ENUM and field.enum_type.file.package != _PACKAGE:
        return str, _enum({value.name: value.number for value in field.enum_type.values})
    message = field.message_type
    if field.type != Field.TYPE_MESSAGE or message.GetOptions().map_entry:
        return None
    if message.full_name == _STRUCT:
        return dict, _struct
    return None if message.file.package == _PACKAGE else (dict, _message(message))


def _enum(numbers: Mapping[str, int]) -> _Convert:
    def convert(value: str, _depth: int) -> int:
        number = numbers.get(value)
        if number is None:
            raise UnusualError
        return number

    return convert


def _message(descriptor: Descriptor) -> _Convert:
    plan: _Plan | None = None

    def convert(value: Json, depth: int) -> dict[str, Any]:
        nonlocal plan
        if plan is None:  # only now: it may be the one that is being made
            plan = _plan(descriptor)
        return _fields(plan, value, depth + 1)

    return convert


def _repeated(kind: type, convert: _Convert | None) -> _Convert:
    def converted(values: list[Json], depth: int) -> list[Any]:
        if not {kind}.issuperset(map(type, values)):
            raise UnusualError
        return values if convert is None else [convert(value, depth) for value in values]

    return converted
