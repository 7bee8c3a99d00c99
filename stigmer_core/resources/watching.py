"""`ResourceService.Watch`: the present state or what changed since a revision, then every change as it is committed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from stigmer_core.api.v1 import resources_pb2 as pb
from stigmer_core.kind import Encoded
from stigmer_core.store import Document, ResourceChange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from stigmer_core.store import Reader, Store

_PAGE = 200
ADDED, CHANGED, DELETED = "added", "changed", "deleted"
_TYPES = {ADDED: pb.WatchEvent.ADDED, CHANGED: pb.WatchEvent.CHANGED, DELETED: pb.WatchEvent.DELETED}


@dataclass(frozen=True, slots=True)
class Watch:
    """What a client watches: resources of a kind, or of all; of an organization, or of all; or one of them."""

    store: Store
    kind: str = ""
    org: str = ""
    resource_id: str = ""

    async def events(self, after: int) -> AsyncIterator[pb.WatchEvent | Encoded]:
        """Yield events; of one resource until it is deleted.

        Args:
            after: only what was written after this revision; 0 for the present state first.

        Raises:
            OutOfRangeError: the changes after that revision are not kept any more.
            ResourceExhaustedError: the client does not keep up.
        """
        with self.store.watch(kind=self.kind, resource_id=self.resource_id) as watcher:
            up_to = max(after, self.store.read(lambda reader: reader.revision()))
            change: ResourceChange | None
            async for change in self._missed(after, up_to) if after else self._present(up_to):
                yield _event(change)
                if self._is_end(change):
                    return
            change = None  # a copy of this stream's own, which it would hold until the next change
            yield Encoded(pb.WatchEvent(type=pb.WatchEvent.SYNCED, revision=up_to).SerializeToString())
            watcher.delivered(up_to)
            while True:
                for change in await watcher.take():
                    if change.revision > up_to and self._is_wanted(change):
                        yield _encoded(change)
                        if self._is_end(change):
                            return
                    watcher.delivered(change.revision)

    async def _present(self, up_to: int) -> AsyncIterator[ResourceChange]:
        """Yield what is there, newest first; what is written meanwhile comes live."""
        if self.resource_id:
            for row in self.store.read(self._one):
                if row.revision <= up_to:
                    yield _present(row)
            return
        for kind in [self.kind] if self.kind else sorted(self.store.read(lambda reader: reader.kinds())):
            before: int | None = None
            while page := self._page(kind, before):
                for row in page:
                    if row.revision <= up_to:
                        yield _present(row)
                before = page[-1].sequence
                await asyncio.sleep(0)

    def _one(self, reader: Reader) -> list[Document]:
        row = reader.get(self.resource_id)
        if row is None:
            return []
        return [Document(row.id, row.kind, row.org, row.slug, reader.data(row.id), row.revision, row.sequence)]

    def _page(self, kind: str, before: int | None) -> list[Document]:
        org = self.org or None
        return self.store.read(lambda reader: reader.page_data(kind, org=org, before=before, limit=_PAGE))

    async def _missed(self, after: int, up_to: int) -> AsyncIterator[ResourceChange]:
        """Yield the last change of everything that was written after a revision, in the order of these changes."""
        added: set[str] = set()
        while after < up_to:
            rows = self._changes(after)
            for change in self._last(rows, added):
                if change.revision <= up_to:
                    yield change
            after = rows[-1].revision if rows else up_to
            await asyncio.sleep(0)

    def _changes(self, after: int) -> list[ResourceChange]:
        return self.store.read(lambda reader: reader.changes(after=after, limit=_PAGE))

    def _last(self, rows: list[ResourceChange], added: set[str]) -> Iterator[ResourceChange]:
        for change in rows:
            if change.type == ADDED:
                added.add(change.id)
            if (change.data or change.type == DELETED) and self._is_wanted(change):
                yield change._replace(type=ADDED) if change.id in added and change.data else change

    def _is_wanted(self, change: ResourceChange) -> bool:
        if self.resource_id:
            return change.id == self.resource_id
        return self.kind in ("", change.kind) and self.org in ("", change.org)

    def _is_end(self, change: ResourceChange) -> bool:
        return bool(self.resource_id) and change.type == DELETED


def _present(row: Document) -> ResourceChange:
    return ResourceChange(row.revision, CHANGED, row.kind, row.org, row.id, row.slug, row.data)


@lru_cache(maxsize=16)
def _encoded(change: ResourceChange) -> Encoded:
    """Return the event of a live change: thousands may watch for it, and all are told at about the same time."""
    return Encoded(_event(change).SerializeToString())


def _event(change: ResourceChange) -> pb.WatchEvent:
    document = pb.Document(
        kind=change.kind, id=change.id, org=change.org, slug=change.slug, json=change.data, revision=change.revision
    )
    return pb.WatchEvent(type=_TYPES[change.type], document=document, revision=change.revision)
