"""Documents straight from the database of a home that nobody owns: no server, no plugin, no protobuf."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from stigmer_core.cli.catalog import KindEntry
from stigmer_core.cli.documents import Document, MissingError
from stigmer_core.store import OwnerLock, Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from stigmer_core.store import Reader

_PAGE_SIZE = 500


class LocalDocuments:
    """Reads what ResourceService would answer: the same rows by the same rules."""

    def __init__(self, store: Store, kinds: Sequence[KindEntry]) -> None:
        self._store = store
        self._kinds = kinds

    @classmethod
    @contextlib.contextmanager
    def open(cls, home: Path, kinds: Sequence[KindEntry]) -> Iterator[Self]:
        """Own a home for as long as its documents are read.

        Raises:
            DatabaseInUseError: another process owns it.
            StoreError: the database cannot be read.
        """
        with OwnerLock(home / "server.lock"):
            store = Store.open(home / "stigmer.db", create=False)
            try:
                yield cls(store, kinds)
            finally:
                store.close()

    def kinds(self) -> Iterator[KindEntry]:
        """Yield the kinds of the installed plugins, then those of which only resources are left."""
        yield from self._kinds
        known = {kind.name for kind in self._kinds}
        for name in sorted(set(self._store.read(lambda reader: reader.kinds())) - known):
            yield KindEntry(name, name.lower(), available=False)

    def get(self, kind: KindEntry, name: str, org: str) -> Document:
        """Return a document by id or slug.

        Raises:
            MissingError: there is none.
        """

        def find(reader: Reader) -> Document:
            row = reader.get(name)
            if row is None or row.kind != kind.name:
                scoped = kind.org_scoped or not kind.available
                row = reader.find(kind.name, org if scoped else "", name)
            if row is None:
                raise MissingError(name)
            return Document(row.kind, row.id, row.org, row.slug, reader.data(row.id), row.revision)

        return self._store.read(find)

    def listing(self, kind: KindEntry, org: str) -> Iterator[Document]:
        """Yield a kind's documents, newest first."""
        before: int | None = None
        while True:
            rows = self._page(kind, org, before)
            yield from (Document(row.kind, row.id, row.org, row.slug, row.data, row.revision) for row in rows)
            if len(rows) < _PAGE_SIZE:
                return
            before = rows[-1].sequence

    def _page(self, kind: KindEntry, org: str, before: int | None) -> list[Any]:
        wanted = org if kind.org_scoped and org else None
        return self._store.read(lambda reader: reader.page_data(kind.name, org=wanted, before=before, limit=_PAGE_SIZE))
