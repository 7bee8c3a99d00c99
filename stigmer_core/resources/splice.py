"""List responses put together from stored bytes, without parsing a single resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_core.kind import Encoded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

    from stigmer_core.store import Row

_LENGTH_DELIMITED = 2


def spliced(response: Message, field: str, rows: Iterable[Row]) -> Encoded:
    """Return a response with the rows' bodies in a repeated message field; its other fields may be set already.

    Concatenated encodings of one message are its merged encoding (protobuf encoding guide, "Last One Wins").
    """
    number = response.DESCRIPTOR.fields_by_name[field].number
    tag = _varint(number << 3 | _LENGTH_DELIMITED)
    parts = [response.SerializeToString()]
    for row in rows:
        parts += (tag, _varint(len(row.body)), row.body)
    return Encoded(b"".join(parts))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
