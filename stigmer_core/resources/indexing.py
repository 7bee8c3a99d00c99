"""The fields that resources of a kind are listed by, kept as its declaration says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.resources.paths import value_at

if TYPE_CHECKING:
    from stigmer_core.kind import Kind
    from stigmer_core.store import Row, Store, Transaction

_PAGE = 2_000


def indexed_paths(kind: Kind) -> tuple[str, ...]:
    """Return the paths that list a kind quickly: its own, and those that name an owner."""
    return tuple(dict.fromkeys([*kind.indexes, *(owner.path for owner in kind.owners)]))


def index_values(kind: Kind, resource: Any) -> dict[str, str]:
    """Return what a resource is listed by, without what is not set."""
    values = {path: value_at(resource, path) for path in indexed_paths(kind)}
    return {path: value for path, value in values.items() if value}


def require_indexed(store: Store, kind: Kind) -> None:
    """Index what is stored of a kind when its fields have changed since, as after an upgrade of its plugin."""
    name, fields = f"indexes:{kind.name}", " ".join(("tags", *indexed_paths(kind)))
    if store.read(lambda reader: reader.fact(name)) == fields:
        return
    before: int | None = None
    while rows := store.run_blocking(lambda tx, before=before: _index_page(tx, kind, before)):  # type: ignore[misc]
        before = rows[-1].sequence
    store.run_blocking(lambda tx: tx.state(name, fields))


def _index_page(tx: Transaction, kind: Kind, before: int | None) -> list[Row]:
    rows = tx.page(kind.name, before=before, limit=_PAGE)
    for row in rows:
        resource: Any = kind.message.FromString(row.body)
        tx.index(row, index_values(kind, resource), dict(resource.metadata.labels), list(resource.metadata.tags))
    return rows
