"""How deep a message may be nested: a reader must still be able to read it where a response contains it."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.message import DecodeError

from stigmer_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

READABLE = 100  # protobuf's readers refuse what is nested deeper
AROUND = 16  # the messages that a list, an event or a version puts around a resource, and some to spare
_INNER, _CONTENT = 1, 2
_PACKAGE = "stigmer.core.nesting"


def require_shallow(message_type: type[Message], body: bytes) -> None:
    """Check that a serialised message can be read inside others.

    Raises:
        InvalidArgumentError: it is nested too deep, in unknown fields too.
    """
    if len(body) < 2 * (READABLE - AROUND):  # each level takes a tag and a length
        return
    descriptor: Any = message_type.DESCRIPTOR
    try:
        _around(descriptor).FromString(_headers(len(body)) + body)
    except DecodeError:
        text = f"{descriptor.name} is nested too deep: {READABLE - AROUND} levels are the most"
        raise InvalidArgumentError(text) from None


@cache
def _around(descriptor: Descriptor) -> type[Message]:
    """Return a message that contains itself, or a message of this type."""
    name = descriptor.full_name.replace(".", "_")
    file = descriptor_pb2.FileDescriptorProto(
        name=f"stigmer_core/nesting/{name}.proto", package=_PACKAGE, syntax="proto3", dependency=[descriptor.file.name]
    )
    around = file.message_type.add(name=name)
    field = descriptor_pb2.FieldDescriptorProto
    kind: Any = {"type": field.TYPE_MESSAGE, "label": field.LABEL_OPTIONAL}
    around.field.add(name="inner", number=_INNER, type_name=f".{_PACKAGE}.{name}", **kind)
    around.field.add(name="content", number=_CONTENT, type_name=f".{descriptor.full_name}", **kind)
    pool: Any = descriptor.file.pool
    pool.AddSerializedFile(file.SerializeToString())
    made: type[Message] = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
    return made


@lru_cache(maxsize=1024)
def _headers(size: int) -> bytes:
    """Return what stands before the content of so many bytes, so many messages deep."""
    parts = [_header(_CONTENT, size)]
    for _ in range(AROUND - 1):
        size += len(parts[-1])
        parts.append(_header(_INNER, size))
    return b"".join(reversed(parts))


def _header(number: int, size: int) -> bytes:
    """Return the tag and the length of an embedded message."""
    out = bytearray([number << 3 | 2])
    while size >> 7:  # seven bits a byte, the eighth says that more follow
        out.append(size & 127 | 128)
        size >>= 7
    return bytes([*out, size])
