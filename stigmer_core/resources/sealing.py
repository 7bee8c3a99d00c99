"""Secrets of a resource: kept in the vault, shown as a marker wherever the resource is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import InvalidArgumentError, Problem
from stigmer_core.resources.codec import copy_of
from stigmer_core.resources.paths import message_at
from stigmer_core.vault import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stigmer_core.kind import Kind
    from stigmer_core.store import Reader, Transaction
    from stigmer_core.vault import Vault

REDACTED = "***REDACTED***"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a resource without its secrets leaves to be written: new values, and fields that are gone."""

    values: Mapping[str, str]
    gone: frozenset[str]


def take_secrets(reader: Reader, vault: Vault, kind: Kind, resource: Any) -> Sealed | None:
    """Put the marker in the place of every secret of a resource, and return what to keep; None for a kind without.

    The marker in place of a value keeps the one that is stored.

    Raises:
        InvalidArgumentError: the marker stands where no secret is stored.
    """
    if not kind.secrets:
        return None
    stored = vault.fields(reader, resource.metadata.id)
    values: dict[str, str] = {}
    kept: set[str] = set()
    for field, entry in _entries(kind, resource):
        if entry.value == REDACTED:
            if field not in stored:
                raise _nothing_stored(field)
            entry.is_secret = True
            kept.add(field)
        elif entry.is_secret:
            values[field], entry.value = entry.value, REDACTED
    return Sealed(values, frozenset(stored - kept - set(values)))


def keep_secrets(tx: Transaction, vault: Vault, kind: Kind, resource: Any, sealed: Sealed) -> None:
    """Write what `take_secrets` took; the resource must be stored already."""
    for field, value in sealed.values.items():
        vault.seal(tx, _place(kind, resource, field), value)
    vault.forget(tx, resource.metadata.id, sorted(sealed.gone))


def with_secrets(reader: Reader, vault: Vault, kind: Kind, resource: Any) -> Any:
    """Return a copy of a stored resource with its secrets in place of the markers: for who runs with them only."""
    revealed = copy_of(resource)
    for field, entry in _entries(kind, revealed):
        if entry.is_secret:
            entry.value = vault.reveal(reader, _place(kind, resource, field))
    return revealed


def unmark(kind: Kind, resource: Any, revealed: Any) -> None:
    """Put the values of a revealed resource in the place of the markers of another one, to compare the two."""
    values = dict(_entries(kind, revealed))
    for field, entry in _entries(kind, resource):
        if entry.value == REDACTED and field in values:
            entry.CopyFrom(values[field])


def _entries(kind: Kind, resource: Any) -> Iterator[tuple[str, Any]]:
    for path in kind.secrets:
        for key, entry in message_at(resource, path).items():
            yield f"{path}/{key}", entry


def _place(kind: Kind, resource: Any, field: str) -> Place:
    return Place(resource.metadata.org, kind.name, resource.metadata.id, field)


def _nothing_stored(field: str) -> InvalidArgumentError:
    path, _, key = field.partition("/")
    pointer = f"/{path.replace('.', '/')}/{key.replace('~', '~0').replace('/', '~1')}/value"
    message = f"{key!r} has the marker {REDACTED}, and no secret is stored for it: send its value"
    return InvalidArgumentError(message, problems=[Problem(pointer, message)])
