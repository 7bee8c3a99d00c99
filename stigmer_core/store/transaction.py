"""The writing side: what one function given to `Store.run` can do, all of it or nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import apsw

from stigmer_core.errors import AlreadyExistsError, ConflictError, NotFoundError, StoreError
from stigmer_core.store.changes import ADDED, CHANGED, DELETED, KEPT_CHANGES, ResourceChange
from stigmer_core.store.listing import LABEL, TAG
from stigmer_core.store.reader import Reader
from stigmer_core.store.rows import Row
from stigmer_core.store.search import digest
from stigmer_core.store.translation import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stigmer_core.errors import StigmerError
    from stigmer_core.store.counters import Counters
    from stigmer_core.store.rows import SearchText, Version

REMEMBERED_ANSWERS = 100_000

_INSERT = (
    "INSERT INTO resources (id, kind, org_id, slug, twin, sequence, revision, created_at, updated_at, search_digest, "
    "body, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_CURRENT = "SELECT kind, org_id, slug, sequence, revision, search_digest FROM resources WHERE id = ?"
_UPDATE = "UPDATE resources SET data = ?, body = ?, revision = ?, updated_at = ?, search_digest = ? WHERE id = ?"
_INSERT_SEARCH = "INSERT INTO search (rowid, name, description, tags, body) VALUES (?, ?, ?, ?, ?)"
_INSERT_INDEX = "INSERT INTO indexes (kind, name, value, sequence) VALUES (?, ?, ?, ?)"
_INSERT_CHANGE = "INSERT INTO changes (revision, type, kind, org_id, resource_id, slug) VALUES (?, ?, ?, ?, ?, ?)"
_INSERT_VERSION = (
    "INSERT INTO versions (resource_id, hash, sequence, message, created_by, created_at, body) "
    "VALUES (?1, ?2, (SELECT coalesce(max(sequence), 0) + 1 FROM versions WHERE resource_id = ?1), ?3, ?4, ?5, ?6)"
)
_INSERT_EVENT = (
    "INSERT OR IGNORE INTO events (stream, sequence, type, created_at, body) "
    "VALUES (?1, coalesce(?2, (SELECT coalesce(max(sequence), 0) + 1 FROM events WHERE stream = ?1)), ?3, ?4, ?5) "
    "RETURNING sequence"
)
_INSERT_NEXT_EVENT = "INSERT INTO events (stream, sequence, type, created_at, body) VALUES (?, ?, ?, ?, ?)"


class Transaction(Reader):
    """A transaction under way; it is over when the function it was given to returns."""

    def __init__(self, connection: apsw.Connection, counters: Counters) -> None:
        super().__init__(connection)
        self.now = datetime.now(UTC)
        self.touched: set[str] = set()
        self.callbacks: list[Callable[[], None]] = []
        self.written: list[ResourceChange] = []
        self.lost: apsw.Error | None = None
        self._counters = counters
        self._over = False

    def insert(
        self,
        *,
        kind: str,
        resource_id: str,
        org: str,
        slug: str,
        data: str,
        body: bytes,
        search: SearchText | None = None,
        indexes: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        tags: Sequence[str] | None = None,
        unique_slug: bool = True,
    ) -> Row:
        """Add a resource.

        Raises:
            AlreadyExistsError: the id is taken, or the slug where slugs are unique; `resource_id` names the holder.
        """
        sequence, revision = self._counters.next_sequence(), self._counters.next_revision()
        moment, twin = self._moment(), 0 if unique_slug else sequence
        mark = digest(search) if search else b""
        try:
            self._fetch(
                _INSERT,
                (resource_id, kind, org, slug, twin, sequence, revision, moment, moment, mark, body, data),
            )
        except AlreadyExistsError as error:
            raise self._taken(kind, resource_id, org, slug) from error
        if search:
            self._write_search(sequence, search)
        for name, value in _entries(indexes, labels, tags):
            self._fetch(_INSERT_INDEX, (kind, name, value, sequence))
        self._note(ResourceChange(revision, ADDED, kind, org, resource_id, slug, data))
        return Row(resource_id, kind, org, slug, body, revision, sequence)

    def update(
        self,
        resource_id: str,
        *,
        data: str,
        body: bytes,
        search: SearchText | None = None,
        indexes: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        tags: Sequence[str] | None = None,
        expected_revision: int | None = None,
    ) -> Row:
        """Replace a resource's content; `search`, `indexes`, `labels` and `tags` stay as they are where None.

        Raises:
            NotFoundError: there is no such resource.
            ConflictError: its revision is another one than expected.
        """
        kind, org, slug, sequence, found, mark = self._current(resource_id)
        if expected_revision is not None and expected_revision != found:
            raise ConflictError(f"{kind} {resource_id} changed: revision {found}, expected {expected_revision}")
        if search and (new_mark := digest(search)) != mark:
            self._remove_search(sequence, mark)
            self._write_search(sequence, search)
            mark = new_mark
        revision = self._counters.next_revision()
        self._fetch(_UPDATE, (data, body, revision, self._moment(), mark, resource_id))
        self._replace_entries(kind, sequence, indexes, labels, tags)
        self._note(ResourceChange(revision, CHANGED, kind, org, resource_id, slug, data))
        return Row(resource_id, kind, org, slug, body, revision, sequence)

    def delete(self, resource_id: str) -> None:
        """Remove a resource with its indexes, search entry, versions, and the event stream of its id.

        Raises:
            NotFoundError: there is no such resource.
        """
        kind, org, slug, sequence, _, mark = self._current(resource_id)
        revision = self._counters.next_revision()
        self._remove_search(sequence, mark)
        self._fetch("DELETE FROM indexes WHERE sequence = ?", (sequence,))
        self._fetch("DELETE FROM events WHERE stream = ?", (resource_id,))
        self._fetch("DELETE FROM resources WHERE id = ?", (resource_id,))
        self._note(ResourceChange(revision, DELETED, kind, org, resource_id, slug, ""))

    def put_version(self, resource_id: str, version: Version) -> bool:
        """Add a version, and give it its tag; return False, and change nothing, when the hash is there already.

        Raises:
            NotFoundError: there is no such resource.
        """
        kind = self._current(resource_id)[0]
        if self.version(resource_id, hash=version.hash):
            return False
        moment = _rfc3339(version.created_at)
        self._fetch(
            _INSERT_VERSION,
            (resource_id, version.hash, version.message, version.created_by, moment, version.body),
        )
        if version.tag:
            self.tag_version(resource_id, version.hash, version.tag)
        self.touch(resource_id, f"kind:{kind}")
        return True

    def tag_version(self, resource_id: str, hash: str, tag: str) -> None:  # noqa: A002 - the API's word
        """Give a tag to a version, taking it from the one that held it; an empty tag takes the version's away.

        Raises:
            NotFoundError: there is no such version.
        """
        if tag:
            self._fetch("UPDATE versions SET tag = '' WHERE resource_id = ? AND tag = ?", (resource_id, tag))
        sql = "UPDATE versions SET tag = ? WHERE resource_id = ? AND hash = ? RETURNING hash"
        if not self._fetch(sql, (tag, resource_id, hash)):
            raise NotFoundError("version", hash, f"{resource_id} has no version {hash}")
        self.touch(resource_id)

    def append_event(self, stream: str, *, type: str, body: bytes, sequence: int | None = None) -> int:  # noqa: A002 - the API's word
        """Append to a stream and return the event's sequence.

        With a `sequence`, an event that is there already is left as it is, so a repeated call is harmless.
        """
        rows = self._fetch(_INSERT_EVENT, (stream, sequence, type, self._moment(), body))
        if not rows and sequence is not None:
            return sequence
        self.touch(stream)
        return int(rows[0][0])

    def append_events(self, stream: str, events: Sequence[tuple[str, bytes]]) -> None:
        """Append events, each a type and a body, to a stream: what many calls of `append_event` do, for less."""
        if not events:
            return
        moment, number = self._moment(), self.last_event(stream)
        rows = [(stream, number + place, kind, moment, body) for place, (kind, body) in enumerate(events, 1)]
        self.execute_many(_INSERT_NEXT_EVENT, rows)
        self.touch(stream)

    def remember(self, key: str, response: bytes) -> None:
        """Keep the answer to a request under its idempotency key; the latest 100,000 answers are kept."""
        sql = "INSERT INTO idempotency (key, response) VALUES (?, ?) RETURNING position"
        position = self._fetch(sql, (key, response))[0][0]
        self._fetch("DELETE FROM idempotency WHERE position <= ?", (position - REMEMBERED_ANSWERS,))

    def state(self, name: str, value: str = "") -> None:
        """Keep something that is known of this database, for good."""
        sql = "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        self._fetch(sql, (name, value))

    def index(self, row: Row, indexes: Mapping[str, str], labels: Mapping[str, str], tags: Sequence[str]) -> None:
        """Index a stored resource anew, without a write to it."""
        self._replace_entries(row.kind, row.sequence, indexes, labels, tags)

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """Run one statement of a plugin's own SQL for each of these bindings, and return every row of them all."""
        self._require_going_on(sql)
        try:
            return self._connection.executemany(sql, rows).fetchall()
        except apsw.Error as error:
            raise self._failed(sql, error) from error

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call this once the commit is durable: on the event loop when there is one."""
        self.callbacks.append(callback)

    def touch(self, *keys: str) -> None:
        """Wake the subscribers of these keys after the commit; a plugin's own tables need it."""
        self.touched.update(keys)

    def finish(self) -> None:
        """End the use of this object: a transaction that a function kept must not write into another one's."""
        self._over = True

    def _fetch(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement; after SQLite has rolled everything back by itself, nothing runs any more."""
        self._require_going_on(sql)
        try:
            return self._connection.execute(sql, bindings).fetchall()
        except apsw.Error as error:
            raise self._failed(sql, error) from error

    def _require_going_on(self, sql: str) -> None:
        if self._over:
            raise StoreError("the transaction is over: its function has returned")
        if self.lost:
            raise translated(self.lost, self._connection.filename, sql) from self.lost

    def _failed(self, sql: str, error: apsw.Error) -> StigmerError:
        # A full disk ends it either way: with triggers SQLite undoes the statement only, without them everything.
        if isinstance(error, apsw.FullError) or not self._connection.in_transaction:
            self.lost = error
        return translated(error, self._connection.filename, sql)

    def _current(self, resource_id: str) -> tuple[Any, ...]:
        rows = self._fetch(_CURRENT, (resource_id,))
        if not rows:
            raise NotFoundError("resource", resource_id)
        return rows[0]

    def _taken(self, kind: str, resource_id: str, org: str, slug: str) -> AlreadyExistsError:
        if self.get(resource_id):
            return AlreadyExistsError(f"{kind} id is taken: {resource_id}", resource_id=resource_id)
        holder = self.find(kind, org, slug)
        return AlreadyExistsError(f"{kind} slug is taken: {slug}", resource_id=holder.id if holder else "")

    def _note(self, change: ResourceChange) -> None:
        """Log a change, wake who waits for the resource or its kind, and drop what is too old to resume from."""
        self._fetch(_INSERT_CHANGE, change[:-1])
        self._fetch("DELETE FROM changes WHERE revision <= ?", (change.revision - KEPT_CHANGES,))
        self.written.append(change)
        self.touch(change.id, f"kind:{change.kind}")

    def _write_search(self, sequence: int, text: SearchText) -> None:
        self._fetch(_INSERT_SEARCH, (sequence, text.name, text.description, " ".join(text.tags), text.body))

    def _remove_search(self, sequence: int, mark: bytes) -> None:
        if mark:
            self._fetch("DELETE FROM search WHERE rowid = ?", (sequence,))

    def _replace_entries(
        self,
        kind: str,
        sequence: int,
        indexes: Mapping[str, str] | None,
        labels: Mapping[str, str] | None,
        tags: Sequence[str] | None,
    ) -> None:
        if indexes is None and labels is None and tags is None:
            return
        stored = set(self._fetch("SELECT name, value FROM indexes WHERE sequence = ?", (sequence,)))
        kept = {entry for entry in stored if _source(entry[0], indexes, labels, tags) is None}
        wanted = kept | set(_entries(indexes, labels, tags))
        for name, value in stored - wanted:
            sql = "DELETE FROM indexes WHERE kind = ? AND name = ? AND value = ? AND sequence = ?"
            self._fetch(sql, (kind, name, value, sequence))
        for name, value in wanted - stored:
            self._fetch(_INSERT_INDEX, (kind, name, value, sequence))

    def _moment(self) -> str:
        return _rfc3339(self.now)


def _entries(
    indexes: Mapping[str, str] | None, labels: Mapping[str, str] | None, tags: Sequence[str] | None
) -> list[tuple[str, str]]:
    labelled = [(LABEL + key, value) for key, value in (labels or {}).items()]
    return [*(indexes or {}).items(), *labelled, *((TAG + tag, "") for tag in set(tags or ()))]


def _source(name: str, indexes: object, labels: object, tags: object) -> object:
    """Return what an entry of the index table was made from."""
    if name.startswith(LABEL):
        return labels
    return tags if name.startswith(TAG) else indexes


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
