"""A resource in its two stored forms: proto3 JSON for people and SQL, protobuf bytes for the server."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import EncodeError

from stigmer_core.errors import InvalidArgumentError, Problem
from stigmer_core.nesting import require_shallow
from stigmer_core.resources.json_reading import UnusualError, made_from
from stigmer_core.resources.json_writing import json_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from stigmer_core.program import Json

M = TypeVar("M", bound="Message")

_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False)


def to_json(message: Message) -> str:
    """Return proto3 JSON on one line, lowerCamelCase.

    Raises:
        InvalidArgumentError: a number of a Struct is not finite, or a time or duration is out of range.
    """
    return _ENCODER.encode(to_dict(message))


def to_bytes(message: Message) -> bytes:
    """Return the bytes that are stored, the same for equal messages.

    Raises:
        InvalidArgumentError: the message is nested too deep to be read in a list.
    """
    try:
        body = message.SerializeToString(deterministic=True)
    except EncodeError as error:
        raise InvalidArgumentError(f"{type(message).DESCRIPTOR.name} is nested too deep") from error
    require_shallow(type(message), body)
    return body


def to_dict(message: Message) -> dict[str, Any]:
    """Return proto3 JSON as a dict.

    Raises:
        InvalidArgumentError: a number of a Struct is not finite, or a time or duration is out of range.
    """
    try:
        written: dict[str, Any] = json_of(message)
    except ValueError:
        return _dict_by_descriptors(message)
    return written


def from_dict(document: Json, message: M) -> M:
    """Fill a message from proto3 JSON and return it; both field spellings are accepted.

    Raises:
        InvalidArgumentError: the document does not fit the message.
    """
    if not message.ListFields():
        with suppress(UnusualError, TypeError, ValueError):
            message.MergeFrom(made_from(type(message), document))
            return message
    try:
        return json_format.ParseDict(document, message)
    except json_format.ParseError as error:
        text = str(error).removeprefix("Failed to parse ")
        raise InvalidArgumentError(text, problems=[Problem("", text)]) from error


def copy_of(message: M) -> M:
    """Return a copy that shares nothing with the message."""
    twin = type(message)()
    twin.CopyFrom(message)
    return twin


def _dict_by_descriptors(message: Message) -> dict[str, Any]:
    """Return what is rare in a resource, or say what is wrong with it and where."""
    try:
        return json_format.MessageToDict(message)
    except (json_format.Error, ValueError) as error:
        raise InvalidArgumentError(f"this cannot be written as JSON: {error}") from error
