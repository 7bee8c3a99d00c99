"""Uploads of archives that are too big for a message: opened, filled once, pushed once, or dropped when they expire."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from stigmer_core.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError, NotFoundError
from stigmer_plugin_skill._store import begin_content, drop_content, end_content

if TYPE_CHECKING:
    from datetime import datetime

    from stigmer_core.store import Reader, Transaction

LASTS = timedelta(hours=1)  # from the opening to the end of the upload, and from there to the push
_ID_BYTES = 16
_OPEN, _COMPLETE, _PUSHED = "open", "complete", "pushed"
_FIND = "SELECT id, org, size_bytes, state, expires_at, content_id FROM skill_upload WHERE id = ? AND expires_at > ?"
_WHY = {
    _OPEN: "nothing has been uploaded to its URL",
    _PUSHED: "it was pushed already",
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A place for one archive; `size_bytes` is what was announced."""

    id: str
    org: str
    size_bytes: int
    state: str
    expires_at: int
    content_id: int | None


def new_upload_id() -> str:
    """Return an id that nobody can guess."""
    return f"sau_{secrets.token_hex(_ID_BYTES)}"


def open_upload(tx: Transaction, upload_id: str, org: str, size_bytes: int) -> None:
    """Make a place for an archive of a size."""
    tx.execute(
        "INSERT INTO skill_upload (id, org, size_bytes, state, expires_at) VALUES (?, ?, ?, ?, ?)",
        (upload_id, org, size_bytes, _OPEN, _expiry(tx.now)),
    )


def begin_upload(tx: Transaction, upload_id: str) -> tuple[int, int]:
    """Return the content id that an upload goes to and the size that was announced.

    What an upload that broke off has left behind is dropped.

    Raises:
        NotFoundError: there is none, or it has expired.
        AlreadyExistsError: it is complete.
    """
    upload = _find(tx, upload_id, tx.now)
    if upload is None:
        raise NotFoundError("upload", upload_id, "there is no such upload, or it has expired: ask for a new URL")
    if upload.state != _OPEN:
        raise AlreadyExistsError("this URL has taken its upload already: ask for a new one")
    abandon_upload(tx, upload_id)
    content_id = begin_content(tx)
    tx.execute("UPDATE skill_upload SET content_id = ? WHERE id = ?", (content_id, upload_id))
    return content_id, upload.size_bytes


def end_upload(tx: Transaction, upload_id: str, content_id: int, size_bytes: int) -> None:
    """Make what came in count.

    Raises:
        FailedPreconditionError: the upload expired while it came in.
    """
    sql = "UPDATE skill_upload SET state = ?, expires_at = ? WHERE id = ? AND content_id = ? RETURNING 1"
    if not tx.execute(sql, (_COMPLETE, _expiry(tx.now), upload_id, content_id)):
        raise FailedPreconditionError("the upload expired while it came in: ask for a new URL")
    end_content(tx, content_id, size_bytes)


def abandon_upload(tx: Transaction, upload_id: str) -> None:
    """Forget what came in for an upload that is not complete; its URL can be used again."""
    sql = "SELECT content_id FROM skill_upload WHERE id = ? AND state = ? AND content_id IS NOT NULL"
    for (content_id,) in tx.execute(sql, (upload_id, _OPEN)):
        tx.execute("UPDATE skill_upload SET content_id = NULL WHERE id = ?", (upload_id,))
        drop_content(tx, content_id)


def complete_upload(reader: Reader, upload_id: str, org: str, now: datetime) -> int:
    """Return the content id of an upload that can be pushed.

    Raises:
        InvalidArgumentError: there is none, it has expired, is another organisation's, not there yet, or pushed.
    """
    upload = _find(reader, upload_id, now)
    if upload is None:
        reason = "there is none of that name, or it has expired"
    elif upload.org != org:
        reason = f"it was made for org {upload.org!r}, not {org!r}"
    elif upload.state == _COMPLETE and upload.content_id is not None:
        return upload.content_id
    else:
        reason = _WHY[upload.state]
    raise InvalidArgumentError(
        f"artifact_upload_ref not usable: {reason}; ask for a new URL with createArtifactUploadUrl"
    )


def take_upload(tx: Transaction, upload_id: str, org: str) -> int:
    """Return the content id of an upload, which is used up with it.

    Raises:
        InvalidArgumentError: it cannot be pushed.
    """
    content_id = complete_upload(tx, upload_id, org, tx.now)
    tx.execute("UPDATE skill_upload SET state = ?, content_id = NULL WHERE id = ?", (_PUSHED, upload_id))
    return content_id


def drop_expired(tx: Transaction, now: datetime) -> int:
    """Drop the uploads whose time is over, with what came in; return how many."""
    sql = "DELETE FROM skill_upload WHERE expires_at <= ? RETURNING content_id"
    gone = tx.execute(sql, (int(now.timestamp()),))
    for (content_id,) in gone:
        if content_id is not None:
            drop_content(tx, content_id)
    return len(gone)


def _find(reader: Reader, upload_id: str, now: datetime) -> Upload | None:
    rows = reader.execute(_FIND, (upload_id, int(now.timestamp())))
    return Upload(*rows[0]) if rows else None


def _expiry(now: datetime) -> int:
    return int((now + LASTS).timestamp())
