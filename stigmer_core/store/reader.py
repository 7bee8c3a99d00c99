"""A read-only view of the store, inside one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import apsw

from stigmer_core.errors import NotFoundError, OutOfRangeError
from stigmer_core.store import search as full_text
from stigmer_core.store.changes import ResourceChange
from stigmer_core.store.listing import LAST, selection
from stigmer_core.store.rows import Document, Row, SearchPage, StoredEvent, Version
from stigmer_core.store.translation import translated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ROW = "SELECT r.id, r.kind, r.org_id, r.slug, r.body, r.revision, r.sequence"
_DOCUMENT = "SELECT r.id, r.kind, r.org_id, r.slug, r.data, r.revision, r.sequence"
_GET = _ROW + " FROM resources r WHERE r.id = ?"
_FIND = _ROW + " FROM resources r WHERE r.kind = ? AND r.org_id = ? AND r.slug = ? ORDER BY r.twin DESC LIMIT 1"
_VERSION = (
    "SELECT resource_id, hash, tag, message, body, created_at, created_by, sequence FROM versions WHERE resource_id = ?"
)
_CHANGES = (
    "SELECT c.revision, c.type, c.kind, c.org_id, c.resource_id, c.slug, coalesce(r.data, '') FROM changes c"
    " LEFT JOIN resources r ON r.id = c.resource_id AND r.revision = c.revision"
    " WHERE c.revision > ? ORDER BY c.revision LIMIT ?"
)
_EVENTS = (
    "SELECT stream, sequence, type, body, created_at FROM events "
    "WHERE stream = ? AND sequence > ? ORDER BY sequence LIMIT ?"
)


class Reader:
    """What can be read; every answer is of one moment."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def get(self, resource_id: str) -> Row | None:
        """Return a resource by its id."""
        return next(map(Row._make, self._fetch(_GET, (resource_id,))), None)

    def find(self, kind: str, org: str, slug: str) -> Row | None:
        """Return a resource by its slug: the newest one where a kind's slugs are not unique."""
        return next(map(Row._make, self._fetch(_FIND, (kind, org, slug))), None)

    def page(
        self,
        kind: str,
        *,
        org: str | None = None,
        index: tuple[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        tags: Sequence[str] = (),
        before: int | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> list[Row]:
        """Return resources of a kind, newest first.

        Args:
            kind: the kind's name.
            org: only of this organisation.
            index: only with this value of a declared field: `(path, value)`.
            labels: only with every one of these labels.
            tags: only with every one of these tags.
            before: only older than this `sequence`: the last one of the page before. Stable under concurrent writes.
            offset: skip so many; costs as much as reading them.
            limit: at most so many.
        """
        source, order, bindings = selection(kind, org=org, index=index, labels=labels, tags=tags, before=before)
        rows = self._fetch(_ROW + source + order + " LIMIT ? OFFSET ?", (*bindings, limit, offset))
        return list(map(Row._make, rows))

    def page_data(
        self,
        kind: str,
        *,
        org: str | None = None,
        index: tuple[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        tags: Sequence[str] = (),
        before: int | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> list[Document]:
        """Return what `page` returns, with the JSON text in place of the bytes."""
        source, order, bindings = selection(kind, org=org, index=index, labels=labels, tags=tags, before=before)
        rows = self._fetch(_DOCUMENT + source + order + " LIMIT ? OFFSET ?", (*bindings, limit, offset))
        return list(map(Document._make, rows))

    def count(
        self,
        kind: str,
        *,
        org: str | None = None,
        index: tuple[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        tags: Sequence[str] = (),
    ) -> int:
        """Return how many resources `page` would list in all; narrowed otherwise it counts one by one."""
        if not index and not labels and not tags:
            return self._total(kind, org)
        source, _, bindings = selection(kind, org=org, index=index, labels=labels, tags=tags, before=None)
        return int(self._fetch("SELECT count(*)" + source, bindings)[0][0])

    def data(self, resource_id: str) -> str:
        """Return a resource's JSON text.

        Raises:
            NotFoundError: there is none.
        """
        rows = self._fetch("SELECT data FROM resources WHERE id = ?", (resource_id,))
        if not rows:
            raise NotFoundError("resource", resource_id)
        return str(rows[0][0])

    def search(self, *, kinds: Sequence[str], query: str, org: str | None, limit: int, offset: int) -> SearchPage:
        """Return what matches the query, best first; an empty query lists, newest first, with score 1.0.

        One word matches as a prefix; of several, all must be there. Nothing in the query is syntax. The newest hits are
        ranked, older ones follow. A `total` of 100 or more may be a lower bound: it grows as pages reach further.
        """
        return full_text.search(self._fetch, kinds=kinds, query=query, org=org, limit=limit, offset=offset)

    def kinds(self) -> dict[str, int]:
        """Return the number of resources by kind, of every kind that has any."""
        return dict(self._fetch("SELECT kind, sum(amount) FROM totals GROUP BY kind HAVING sum(amount) > 0"))

    def version(self, resource_id: str, *, hash: str | None = None, tag: str | None = None) -> Version | None:  # noqa: A002 - the API's word
        """Return the version with this hash, or that holds this tag, or the newest one."""
        sql, bindings = _VERSION, [resource_id]
        if hash is not None:
            sql, bindings = sql + " AND hash = ?", [*bindings, hash]
        if tag is not None:
            sql, bindings = sql + " AND tag = ? AND tag <> ''", [*bindings, tag]
        return next(map(_version, self._fetch(sql + " ORDER BY sequence DESC LIMIT 1", bindings)), None)

    def versions(self, resource_id: str, *, before: int | None = None, limit: int = 50) -> list[Version]:
        """Return versions of a resource, newest first; `before` is the last page's last `sequence`."""
        sql = _VERSION + " AND sequence < ? ORDER BY sequence DESC LIMIT ?"
        return list(map(_version, self._fetch(sql, (resource_id, LAST if before is None else before, limit))))

    def events(self, stream: str, *, after: int = 0, limit: int = 1000) -> list[StoredEvent]:
        """Return events of a stream in order, from the one behind sequence `after`."""
        return [
            StoredEvent(stream=row[0], sequence=row[1], type=row[2], body=row[3], created_at=_time(row[4]))
            for row in self._fetch(_EVENTS, (stream, min(after, LAST), limit))
        ]

    def count_versions(self, resource_id: str) -> int:
        """Return how many versions a resource has."""
        return int(self._fetch("SELECT count(*) FROM versions WHERE resource_id = ?", (resource_id,))[0][0])

    def last_event(self, stream: str) -> int:
        """Return the sequence of a stream's last event, or 0."""
        return int(self._fetch("SELECT coalesce(max(sequence), 0) FROM events WHERE stream = ?", (stream,))[0][0])

    def revision(self) -> int:
        """Return the revision of the last write that this view includes."""
        return int(self._fetch("SELECT revision FROM counters WHERE id = 1")[0][0])

    def changes(self, *, after: int, limit: int = 500) -> list[ResourceChange]:
        """Return what was written after a revision, in order; `data` is empty where a later write came over it.

        Raises:
            OutOfRangeError: the log does not go back that far.
        """
        oldest = self._fetch("SELECT min(revision) FROM changes")[0][0]
        if after < self.revision() and (oldest is None or after < oldest - 1):
            raise OutOfRangeError(f"changes after revision {after} are not kept any more: list, then watch from there")
        rows = self._fetch(_CHANGES, (after, limit))
        return [ResourceChange(*row) for row in rows]

    def fact(self, name: str) -> str | None:
        """Return what is known of this database under a name."""
        rows = self._fetch("SELECT value FROM facts WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def recall(self, key: str) -> bytes | None:
        """Return the answer that was remembered under an idempotency key."""
        rows = self._fetch("SELECT response FROM idempotency WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def execute(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return every row of a plugin's own SQL."""
        return self._fetch(sql, bindings)

    def _total(self, kind: str, org: str | None) -> int:
        sql = "SELECT coalesce(sum(amount), 0) FROM totals WHERE kind = ?"
        if org is None:
            return int(self._fetch(sql, (kind,))[0][0])
        return int(self._fetch(sql + " AND org_id = ?", (kind, org))[0][0])

    def _fetch(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, bindings).fetchall()
        except apsw.Error as error:
            raise translated(error, self._connection.filename, sql) from error


def _version(row: tuple[Any, ...]) -> Version:
    return Version(
        resource_id=row[0],
        hash=row[1],
        tag=row[2],
        message=row[3],
        body=row[4],
        created_at=_time(row[5]),
        created_by=row[6],
        sequence=row[7],
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
