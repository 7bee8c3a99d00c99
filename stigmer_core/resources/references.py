"""References from one resource to another: found by the API's own field option, completed and checked."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ai.stigmer.commons.apiresource import field_options_pb2
from ai.stigmer.commons.apiresource.apiresourcekind import api_resource_kind_pb2
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceReference

from stigmer_core.errors import FailedPreconditionError
from stigmer_core.resources.visibility import level_name, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ai.stigmer.commons.apiresource.metadata_pb2 import ApiResourceMetadata
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from stigmer_core.kind import Kind
    from stigmer_core.store import Reader

_REFERENCE = ApiResourceReference.DESCRIPTOR.full_name


def references_in(message: Message) -> Iterator[tuple[Any, int]]:
    """Yield every filled reference with the number of the kind it points to."""
    for name, target, repeated in _reference_fields(message.DESCRIPTOR):
        if not repeated and not message.HasField(name):
            continue
        value = getattr(message, name)
        for one in value if repeated else [value]:
            if target is None:
                yield from references_in(one)
            elif one.slug:
                yield one, target


def complete_references(resource: Any) -> None:
    """Give every reference without an organisation that of the resource."""
    for reference, _ in references_in(resource.spec):
        if not reference.org:
            reference.org = resource.metadata.org


def require_references(reader: Reader, kinds: Mapping[str, Kind], resource: Any) -> None:
    """Check that everything a resource refers to is there and may be used.

    Raises:
        FailedPreconditionError: names every missing or too private target, by kind.
    """
    missing: dict[str, list[str]] = {}
    for reference, number in references_in(resource.spec):
        target = _target(reader, kinds, reference, number)
        if target is None or not _usable(target, resource):
            missing.setdefault(_label(kinds, number), []).append(f"'{reference.slug}' (org: {reference.org})")
    if missing:
        parts = [f"referenced {label}(s) not found: {', '.join(names)}" for label, names in missing.items()]
        raise FailedPreconditionError("; ".join(parts))


def require_no_wider(reader: Reader, kinds: Mapping[str, Kind], resource: Any, level: int) -> None:
    """Check that a resource would not be seen by more people than what it refers to.

    Raises:
        FailedPreconditionError: names the narrower target.
    """
    for reference, number in references_in(resource.spec):
        target = _target(reader, kinds, reference, number)
        if target is not None and width(target.visibility) < width(level):
            raise FailedPreconditionError(
                f"cannot be set to {level_name(level)}: it refers to {_label(kinds, number)} '{reference.slug}',"
                f" which is {level_name(target.visibility)}; widen that first"
            )


def _usable(target: ApiResourceMetadata, resource: Any) -> bool:
    same_org = target.org == resource.metadata.org
    return same_org or level_name(target.visibility) == "visibility_platform"


def _target(reader: Reader, kinds: Mapping[str, Kind], reference: Any, number: int) -> ApiResourceMetadata | None:
    kind = kind_numbered(kinds, number)
    row = reader.find(kind.name, reference.org, reference.slug) if kind else None
    if kind is None or row is None:
        return None
    return kind.message.FromString(row.body).metadata  # type: ignore[attr-defined,no-any-return]


def kind_numbered(kinds: Mapping[str, Kind], number: int) -> Kind | None:
    """Return the kind with a number of the API's enum, or None when no plugin serves it."""
    return next((kind for kind in kinds.values() if number and kind.number == number), None)


def _label(kinds: Mapping[str, Kind], number: int) -> str:
    kind = kind_numbered(kinds, number)
    return (kind.label() if kind else contract_name(number)).replace("Skill", "skill")


def contract_name(number: int) -> str:
    """Return the display name that the API gives a kind, whether it is served or not."""
    value = api_resource_kind_pb2.ApiResourceKind.DESCRIPTOR.values_by_number.get(number)
    if value is None:
        return f"kind {number}"
    meta = value.GetOptions().Extensions[api_resource_kind_pb2.kind_meta]
    return meta.display_name or value.name


@lru_cache(maxsize=1024)
def _reference_fields(descriptor: Descriptor) -> tuple[tuple[str, int | None, bool], ...]:
    """Return the fields that are references (with their kind), or messages that may hold some (with None)."""
    found: list[tuple[str, int | None, bool]] = []
    for field in descriptor.fields:
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        repeated = field.is_repeated
        if field.message_type.full_name == _REFERENCE:
            number = field.GetOptions().Extensions[field_options_pb2.reference_kind]
            if number:
                found.append((field.name, number, repeated))
        elif _may_hold_references(field.message_type):
            found.append((field.name, None, repeated))
    return tuple(found)


@lru_cache(maxsize=1024)
def _may_hold_references(descriptor: Descriptor) -> bool:
    return _search(descriptor, set())


def _search(descriptor: Descriptor, seen: set[str]) -> bool:
    if descriptor.full_name in seen:
        return False
    seen.add(descriptor.full_name)
    messages = [field.message_type for field in descriptor.fields if field.message_type is not None]
    return any(message.full_name == _REFERENCE or _search(message, seen) for message in messages)
