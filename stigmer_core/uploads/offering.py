"""What a plugin does with uploads: offer places for them, read what came, and use it up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.uploads.contents import get_content
from stigmer_core.uploads.places import LASTS, complete_upload, new_upload_id, open_upload, upload_path, use_upload

if TYPE_CHECKING:
    from datetime import timedelta

    from stigmer_core.server import Links
    from stigmer_core.store import Reader, Store, Transaction


@dataclass(frozen=True, slots=True)
class Offer:
    """A place for one upload: `url` takes a PUT, `upload_id` is what a later request refers to."""

    url: str
    upload_id: str
    lasts: timedelta


class Uploads:
    """The uploads of one owner.

    Args:
        owner: who offers them, such as the name of a kind; no other owner can use them.
        store: where they are kept.
        links: makes their URLs.
        most_bytes: how large one may be.
    """

    def __init__(self, owner: str, store: Store, links: Links, *, most_bytes: int) -> None:
        self._owner = owner
        self._store = store
        self._links = links
        self._most_bytes = most_bytes

    async def offer(self, org: str, size_bytes: int) -> Offer:
        """Return a place for one upload of exactly so many bytes.

        Raises:
            InvalidArgumentError: none may be so large, or so small.
            FailedPreconditionError: there is no HTTP host.
        """
        if not 0 < size_bytes <= self._most_bytes:
            raise InvalidArgumentError(f"{size_bytes} bytes are announced, 1 to {self._most_bytes} are taken")
        upload_id = new_upload_id()
        url = self._links.signed(upload_path(upload_id), lasts=LASTS)
        await self._store.run(lambda tx: open_upload(tx, upload_id, owner=self._owner, org=org, size_bytes=size_bytes))
        return Offer(url, upload_id, LASTS)

    async def read(self, upload_id: str, org: str) -> bytes:
        """Return what was uploaded, to be checked before it is taken.

        Raises:
            NotFoundError: there is no such upload, or it has expired.
            FailedPreconditionError: it is another organisation's, not there yet, or used.
        """

        def read(reader: Reader) -> bytes:
            now = datetime.now(UTC)
            return get_content(reader, complete_upload(reader, upload_id, owner=self._owner, org=org, now=now))

        return await self._store.read_slowly(read)

    def take(self, tx: Transaction, upload_id: str, org: str) -> int:
        """Return the content id of an upload and use it up: the content is to be given to a resource, or dropped.

        Raises:
            NotFoundError: there is no such upload, or it has expired.
            FailedPreconditionError: it cannot be used; another request may have been faster.
        """
        return use_upload(tx, upload_id, owner=self._owner, org=org)
