"""The message of a kind, made from a few words when a plugin brings no .proto file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_origin

from stigmer_core.errors import PluginError

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
    from google.protobuf.message import Message

_METADATA = ".ai.stigmer.commons.apiresource.ApiResourceMetadata"
_STATUS = ".ai.stigmer.commons.apiresource.ApiResourceAuditStatus"
_STRUCT = ".google.protobuf.Struct"
_SCALARS = {str: "TYPE_STRING", int: "TYPE_INT64", float: "TYPE_DOUBLE", bool: "TYPE_BOOL", bytes: "TYPE_BYTES"}


def resource_message(full_name: str, **spec: Any) -> type[Message]:
    """Return the message class of a kind with the API's envelope and this `spec`.

    Field numbers follow the order of the arguments, and are what is stored: add new fields at the end, never remove
    or reorder any.

    Args:
        full_name: package and name, such as `tickets.v1.Ticket`.
        spec: field name to type: `str`, `int`, `float`, `bool`, `bytes`, a `list` of one of these, or `dict` for a
            free-form object.

    Raises:
        PluginError: a type is none of these, or another message has the name already.
    """
    from ai.stigmer.commons.apiresource import metadata_pb2, status_pb2  # noqa: F401, PLC0415 - into the pool
    from google.protobuf import descriptor_pool, message_factory, struct_pb2  # noqa: F401, PLC0415

    pool = descriptor_pool.Default()
    try:
        pool.AddSerializedFile(_file(full_name, spec).SerializeToString())
        return message_factory.GetMessageClass(pool.FindMessageTypeByName(full_name))
    except (TypeError, KeyError) as error:
        raise PluginError(full_name, f"the message {full_name} cannot be made: {error}") from error


def _file(full_name: str, spec: dict[str, Any]) -> FileDescriptorProto:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto  # noqa: PLC0415

    package, _, name = full_name.rpartition(".")
    file = FileDescriptorProto(name=f"{full_name.replace('.', '/')}.proto", package=package, syntax="proto3")
    file.dependency.extend(
        [
            "ai/stigmer/commons/apiresource/metadata.proto",
            "ai/stigmer/commons/apiresource/status.proto",
            "google/protobuf/struct.proto",
        ]
    )
    envelope = file.message_type.add(name=name)
    for field, type_name in (("api_version", ""), ("kind", ""), ("metadata", _METADATA)):
        _add(envelope, field, type_name or str)
    _add(envelope, "spec", f".{full_name}Spec")
    _add(envelope, "status", _STATUS)
    body = file.message_type.add(name=f"{name}Spec")
    for field, type_ in spec.items():
        _add(body, field, type_)
    return file


def _add(message: DescriptorProto, name: str, type_: Any) -> None:
    field = message.field.add(name=name, number=len(message.field) + 1, label="LABEL_OPTIONAL")
    if get_origin(type_) is list:
        field.label = field.LABEL_REPEATED
        (type_,) = get_args(type_)
    if isinstance(type_, str) or type_ is dict:
        field.type, field.type_name = field.TYPE_MESSAGE, type_ if isinstance(type_, str) else _STRUCT
    elif type_ in _SCALARS:
        field.type = field.Type.Value(_SCALARS[type_])
    else:
        raise PluginError(message.name, f"{message.name}.{name} cannot have the type {type_!r}")
