"""The list of what happened last, over the kinds of other plugins."""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING, Any

from ai.stigmer.activity.v1.io_pb2 import ListRecentActivityRequest, ListRecentActivityResponse, RecentActivityEntry

from stigmer_plugin_activity._entries import execution_entry, session_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader

DEFAULT_SIZE, MAX_SIZE = 30, 100
# What is read of each kind: the newest rows, by creation, until so many can be shown.
SHOWN_OF_A_KIND, PAGE_ROWS, MAX_PAGES = 500, 500, 10

_ENTRIES: dict[str, Callable[[Any], RecentActivityEntry | None]] = {
    "Session": session_entry,
    "WorkflowExecution": execution_entry,
}


class ActivityQueries:
    """Serves `listRecentActivity`."""

    def __init__(self, resources: Resources) -> None:
        self._kinds = resources.kinds
        self._store = resources.store

    async def list_recent_activity(self, request: ListRecentActivityRequest) -> ListRecentActivityResponse:
        """Return sessions and runs of workflows, latest change of status first.

        Only the 500 newest of each kind are looked at, by creation: one that is older, and changed just now, is not
        found. Of the sessions that are left out, at most 5,000 are passed over to find these. A kind that no
        installed plugin has is left out.
        """
        size = min(request.page_size, MAX_SIZE) if request.page_size > 0 else DEFAULT_SIZE
        entries = await self._store.read_slowly(
            lambda reader: nlargest(size, self._entries(reader, request.org or None), key=_last_change)
        )
        return ListRecentActivityResponse(entries=entries)

    def _entries(self, reader: Reader, org: str | None) -> Iterator[RecentActivityEntry]:
        for name in _ENTRIES:
            kind = self._kinds.get(name)
            if kind is not None:
                yield from _newest(reader, kind, org)


def _newest(reader: Reader, kind: Kind, org: str | None) -> list[RecentActivityEntry]:
    entry_of, found, before = _ENTRIES[kind.name], [], None
    for _ in range(MAX_PAGES):
        rows = reader.page(kind.name, org=org, before=before, limit=PAGE_ROWS)
        entries = (entry_of(kind.message.FromString(row.body)) for row in rows)
        found += [entry for entry in entries if entry is not None]
        if len(rows) < PAGE_ROWS or len(found) >= SHOWN_OF_A_KIND:
            break
        before = rows[-1].sequence
    return found[:SHOWN_OF_A_KIND]


def _last_change(entry: RecentActivityEntry) -> tuple[int, int, str]:
    return entry.updated_at.seconds, entry.updated_at.nanos, entry.id
