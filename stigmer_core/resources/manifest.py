"""Documents that people write: found out which kind they are, and what is wrong where."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from stigmer_core.errors import InvalidArgumentError, Problem
from stigmer_core.resources.codec import from_dict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import Descriptor

    from stigmer_core.kind import Kind
    from stigmer_core.program import Json

_TEXT_TYPES = {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}
_FREE_FORM = ("google.protobuf.",)  # Struct, Value, Timestamp, Duration: json_format checks them


def adopt(document: Json, kinds: Mapping[str, Kind]) -> Json:
    """Return a manifest that names its kind; a document that some kind adopts is turned into one.

    Raises:
        InvalidArgumentError: it is no object, or no kind takes it.
    """
    if not isinstance(document, dict):
        raise _refused("", f"a manifest is an object, this is {_json_type(document)}")
    if document.get("kind"):
        return document
    for kind in kinds.values():
        adopted = kind.adopt(document) if kind.adopt is not None else None
        if adopted is not None:
            return adopted
    raise _refused("/kind", "is required", f"one of {', '.join(sorted(kinds))}")


def kind_of(document: Mapping[str, Json], kinds: Mapping[str, Kind]) -> Kind:
    """Return the kind that a manifest names.

    Raises:
        InvalidArgumentError: there is none of that name, or the API version is another.
    """
    name = document["kind"]
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        near = difflib.get_close_matches(str(name), sorted(kinds), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"this server knows {', '.join(sorted(kinds))}"
        raise _refused("/kind", f"unknown kind {name!r}", hint)
    key = "apiVersion" if "apiVersion" in document else "api_version"
    given = document.get(key)
    if given is not None and given != kind.api_version:
        raise _refused(f"/{key}", f"{kind.name} has no API version {given!r}", f"write {kind.api_version}")
    return kind


def message_of(document: Mapping[str, Json], kind: Kind) -> Any:
    """Return a manifest as the kind's message.

    Raises:
        InvalidArgumentError: unknown fields or wrong types, each with its pointer and what would be right.
    """
    problems = shape_problems(document, _descriptor(kind))
    if problems:
        raise InvalidArgumentError("; ".join(map(str, problems)), problems=problems)
    message: Any = from_dict(document, kind.message())
    message.api_version, message.kind = kind.api_version, kind.name
    message.metadata.SetInParent()
    return message


def shape_problems(document: Json, descriptor: Descriptor, pointer: str = "") -> list[Problem]:
    """Return the unknown fields and wrong types in the JSON of a message, each with what would be right."""
    problems: list[Problem] = []
    _check_object(document, descriptor, pointer, problems)
    return problems


def pointer_of(field_path: str, document: Json) -> str:
    """Return the JSON pointer of a proto field path such as `spec.tasks[0].name` in a document as it is spelt."""
    pointer = ""
    for name, index in re.findall(r"([^.\[\]]+)|\[([^\]]+)\]", field_path):
        key = index.strip('"') if index else _spelling(name, document)
        pointer += "/" + key.replace("~", "~0").replace("/", "~1")
        document = _child(document, key)
    return pointer


def _descriptor(kind: Kind) -> Any:
    return kind.message.DESCRIPTOR


def _child(document: Json, key: str) -> Json:
    if isinstance(document, dict):
        return document.get(key)
    if isinstance(document, list) and key.isdigit() and int(key) < len(document):
        return document[int(key)]
    return None


def _spelling(name: str, document: Json) -> str:
    camel = re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name)
    return camel if isinstance(document, dict) and camel in document and name not in document else name


def _check_object(value: Json, descriptor: Descriptor, pointer: str, problems: list[Problem]) -> None:
    if not isinstance(value, dict):
        problems.append(Problem(pointer, f"must be an object, this is {_json_type(value)}"))
        return
    fields = {field.json_name: field for field in descriptor.fields} | dict(descriptor.fields_by_name)
    for key, child in value.items():
        at = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        field = fields.get(key)
        if field is None:
            problems.append(Problem(at, f"unknown field {_dotted(at)}", _suggestion(str(key), descriptor)))
        elif child is not None:
            _check_value(child, field, at, problems)


def _check_value(value: Json, field: FieldDescriptor, pointer: str, problems: list[Problem]) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        _check_map(value, field, pointer, problems)
    elif field.is_repeated:
        if not isinstance(value, list):
            problems.append(Problem(pointer, f"must be a list, this is {_json_type(value)}"))
            return
        for index, item in enumerate(value):
            _check_one(item, field, f"{pointer}/{index}", problems)
    else:
        _check_one(value, field, pointer, problems)


def _check_map(value: Json, field: FieldDescriptor, pointer: str, problems: list[Problem]) -> None:
    if not isinstance(value, dict):
        problems.append(Problem(pointer, f"must be an object, this is {_json_type(value)}"))
        return
    assert field.message_type is not None
    entry = field.message_type.fields_by_name["value"]
    for key, item in value.items():
        _check_one(item, entry, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}", problems)


def _check_one(value: Json, field: FieldDescriptor, pointer: str, problems: list[Problem]) -> None:
    if field.message_type is not None:
        if not field.message_type.full_name.startswith(_FREE_FORM):
            _check_object(value, field.message_type, pointer, problems)
    elif field.enum_type is not None:
        _check_enum(value, field, pointer, problems)
    elif field.type in _TEXT_TYPES and not isinstance(value, str):
        hint = "put it in quotes" if isinstance(value, (int, float, bool)) else ""
        problems.append(Problem(pointer, f"must be text, this is {_json_type(value)}", hint))
    elif field.type == FieldDescriptor.TYPE_BOOL and not isinstance(value, bool):
        problems.append(Problem(pointer, f"must be true or false, this is {_json_type(value)}"))
    elif field.type not in _TEXT_TYPES and isinstance(value, (dict, list)):
        problems.append(Problem(pointer, f"must be a number, this is {_json_type(value)}"))


def _check_enum(value: Json, field: FieldDescriptor, pointer: str, problems: list[Problem]) -> None:
    assert field.enum_type is not None
    names = [one.name for one in field.enum_type.values]
    if isinstance(value, str) and value not in names:
        near = difflib.get_close_matches(value, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(names[1:])}"
        problems.append(Problem(pointer, f"{value!r} is not allowed here", hint))


def _suggestion(key: str, descriptor: Descriptor) -> str:
    names = [name for field in descriptor.fields for name in (field.name, field.json_name)]
    near = difflib.get_close_matches(key, names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"known fields: {', '.join(field.name for field in descriptor.fields)}" if names else ""


def _dotted(pointer: str) -> str:
    text = ""
    for part in pointer.split("/")[1:]:
        text += f"[{part}]" if part.isdigit() else f".{part}"
    return text.lstrip(".")


def _json_type(value: Json) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "nothing"}
    return names.get(type(value), "a number")


def _refused(pointer: str, message: str, hint: str = "") -> InvalidArgumentError:
    problem = Problem(pointer, message, hint)
    return InvalidArgumentError(str(problem), problems=[problem])
