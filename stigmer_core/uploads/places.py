"""Places for one upload each: opened, filled once, used once, or dropped when they expire."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from stigmer_core.errors import AlreadyExistsError, FailedPreconditionError, NotFoundError
from stigmer_core.uploads.contents import begin_content, drop_content, end_content

if TYPE_CHECKING:
    from datetime import datetime

    from stigmer_core.store import Reader, Transaction

LASTS = timedelta(hours=1)  # from the opening to the end of the upload, and from there to its use
_ID_BYTES = 16
_OPEN, _COMPLETE, _USED = "open", "complete", "used"
_FIND = "SELECT owner, org_id, size_bytes, state, content_id FROM uploads WHERE id = ? AND expires_at > ?"


@dataclass(frozen=True, slots=True)
class _Place:
    """A place that has not expired; `size_bytes` is what was announced."""

    owner: str
    org: str
    size_bytes: int
    state: str
    content_id: int | None


def new_upload_id() -> str:
    """Return an id that nobody can guess."""
    return f"upl_{secrets.token_hex(_ID_BYTES)}"


def upload_path(upload_id: str) -> str:
    """Return the path of the HTTP host that takes an upload."""
    return f"/uploads/{upload_id}"


def open_upload(tx: Transaction, upload_id: str, *, owner: str, org: str, size_bytes: int) -> None:
    """Make a place for an upload of a size."""
    tx.execute(
        "INSERT INTO uploads (id, owner, org_id, size_bytes, state, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        (upload_id, owner, org, size_bytes, _OPEN, _expiry(tx.now)),
    )


def begin_upload(tx: Transaction, upload_id: str) -> tuple[int, int]:
    """Return the content id that an upload goes to and the size that was announced.

    What an upload that broke off has left behind is dropped.

    Raises:
        NotFoundError: there is none, or it has expired.
        AlreadyExistsError: it is complete.
    """
    place = _find(tx, upload_id, tx.now)
    if place is None:
        raise NotFoundError("upload", upload_id, "there is no such upload, or it has expired: ask for a new URL")
    if place.state != _OPEN:
        raise AlreadyExistsError("this URL has taken its upload already: ask for a new one")
    abandon_upload(tx, upload_id)
    content_id = begin_content(tx)
    tx.execute("UPDATE uploads SET content_id = ? WHERE id = ?", (content_id, upload_id))
    return content_id, place.size_bytes


def end_upload(tx: Transaction, upload_id: str, content_id: int, size_bytes: int) -> None:
    """Make what came in count.

    Raises:
        FailedPreconditionError: the upload expired while it came in.
    """
    sql = "UPDATE uploads SET state = ?, expires_at = ? WHERE id = ? AND content_id = ? RETURNING 1"
    if not tx.execute(sql, (_COMPLETE, _expiry(tx.now), upload_id, content_id)):
        raise FailedPreconditionError("the upload expired while it came in: ask for a new URL")
    end_content(tx, content_id, size_bytes)


def abandon_upload(tx: Transaction, upload_id: str) -> None:
    """Forget what came in for an upload that is not complete; its URL can be used again."""
    sql = "SELECT content_id FROM uploads WHERE id = ? AND state = ? AND content_id IS NOT NULL"
    for (content_id,) in tx.execute(sql, (upload_id, _OPEN)):
        tx.execute("UPDATE uploads SET content_id = NULL WHERE id = ?", (upload_id,))
        drop_content(tx, content_id)


def complete_upload(reader: Reader, upload_id: str, *, owner: str, org: str, now: datetime) -> int:
    """Return the content id of an upload that can be used.

    Raises:
        NotFoundError: this owner has offered none of that name, or it has expired.
        FailedPreconditionError: it is another organisation's, not there yet, or used.
    """
    place = _find(reader, upload_id, now)
    if place is None or place.owner != owner:
        raise NotFoundError("upload", upload_id, f"there is no upload {upload_id!r}, or it has expired")
    if place.org != org:
        raise _unusable(f"it was made for org {place.org!r}, not {org!r}")
    if place.state == _USED:
        raise _unusable("it was used already: ask for a new URL")
    if place.state == _OPEN or place.content_id is None:
        raise _unusable("nothing has been uploaded to its URL")
    return place.content_id


def use_upload(tx: Transaction, upload_id: str, *, owner: str, org: str) -> int:
    """Return the content id of an upload, which is used up with it.

    Raises:
        NotFoundError: there is none, or it has expired.
        FailedPreconditionError: it cannot be used.
    """
    content_id = complete_upload(tx, upload_id, owner=owner, org=org, now=tx.now)
    tx.execute("UPDATE uploads SET state = ?, content_id = NULL WHERE id = ?", (_USED, upload_id))
    return content_id


def drop_expired(tx: Transaction, now: datetime) -> int:
    """Drop the uploads whose time is over, with what came in; return how many."""
    gone = tx.execute("DELETE FROM uploads WHERE expires_at <= ? RETURNING content_id", (int(now.timestamp()),))
    for (content_id,) in gone:
        if content_id is not None:
            drop_content(tx, content_id)
    return len(gone)


def _find(reader: Reader, upload_id: str, now: datetime) -> _Place | None:
    rows = reader.execute(_FIND, (upload_id, int(now.timestamp())))
    return _Place(*rows[0]) if rows else None


def _unusable(reason: str) -> FailedPreconditionError:
    return FailedPreconditionError(f"the upload cannot be used: {reason}")


def _expiry(now: datetime) -> int:
    return int((now + LASTS).timestamp())
