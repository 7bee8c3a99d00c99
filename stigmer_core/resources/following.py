"""The stream of one resource: as it is stored, and again after every change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_core.kind import Encoded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from stigmer_core import Kind
    from stigmer_core.resources.pipeline import Resources
    from stigmer_core.store import Store


def followed(
    resources: Resources, kind: Kind, resource_id: str, is_over: Callable[[bytes], bool]
) -> AsyncIterator[Encoded]:
    """Return a resource's stored body, and each one after it, until `is_over` says so of one or it is deleted.

    Changes that follow each other faster than they are taken are one.

    Raises:
        NotFoundError: there is no such resource now.
    """
    resources.store.read(lambda reader: resources.row_in(reader, kind, resource_id))
    return _bodies(resources.store, resource_id, is_over)


async def _bodies(store: Store, resource_id: str, is_over: Callable[[bytes], bool]) -> AsyncIterator[Encoded]:
    with store.subscribe(resource_id) as changes:
        last = b""
        while (body := store.body(resource_id)) is not None:
            if body != last:
                last = body
                yield Encoded(body)
            if is_over(body):
                return
            await changes.wait()
