"""The archives of pushed bundles and the uploads before they are pushed, in this plugin's own tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stigmer_core.store import Reader, Transaction

OPEN, RECEIVING, READY, USED = "open", "receiving", "ready", "used"


class Upload(NamedTuple):
    """A place for one upload; `expires_at` in seconds since 1970."""

    id: str
    org: str
    size_bytes: int
    expires_at: int
    state: str


def put_archive(tx: Transaction, bundle_id: str, digest: str, content: bytes) -> None:
    """Keep an archive; the same one twice is kept once."""
    sql = "INSERT OR IGNORE INTO bundle_archive (bundle_id, hash, content) VALUES (?, ?, ?)"
    tx.execute(sql, (bundle_id, digest, content))


def delete_archives(tx: Transaction, bundle_id: str) -> None:
    """Forget every archive of a bundle."""
    tx.execute("DELETE FROM bundle_archive WHERE bundle_id = ?", (bundle_id,))


def add_upload(tx: Transaction, upload: Upload) -> None:
    """Make a place for an upload."""
    sql = "INSERT INTO bundle_upload (id, org, size_bytes, expires_at, state) VALUES (?, ?, ?, ?, ?)"
    tx.execute(sql, upload)


def find_upload(reader: Reader, upload_id: str) -> Upload | None:
    """Return a place for an upload, or None."""
    sql = "SELECT id, org, size_bytes, expires_at, state FROM bundle_upload WHERE id = ?"
    return next(map(Upload._make, reader.execute(sql, (upload_id,))), None)


def move_upload(tx: Transaction, upload_id: str, *, old: str, new: str) -> bool:
    """Change the state of an upload; return False when it has another one than `old`."""
    sql = "UPDATE bundle_upload SET state = ? WHERE id = ? AND state = ? RETURNING id"
    return bool(tx.execute(sql, (new, upload_id, old)))


def add_piece(tx: Transaction, upload_id: str, position: int, content: bytes) -> None:
    """Keep a piece of what is uploaded, unless the place is gone."""
    sql = "INSERT INTO bundle_upload_piece (upload_id, position, content) SELECT id, ?, ? FROM bundle_upload"
    tx.execute(sql + " WHERE id = ?", (position, content, upload_id))


def uploaded(reader: Reader, upload_id: str) -> bytes:
    """Return what was uploaded."""
    sql = "SELECT content FROM bundle_upload_piece WHERE upload_id = ? ORDER BY position"
    return b"".join(row[0] for row in reader.execute(sql, (upload_id,)))


def drop_pieces(tx: Transaction, upload_id: str) -> None:
    """Forget what was uploaded; its place stays."""
    tx.execute("DELETE FROM bundle_upload_piece WHERE upload_id = ?", (upload_id,))


def drop_expired(tx: Transaction, now: int) -> None:
    """Forget the uploads that have expired, used or not."""
    expired = tx.execute("DELETE FROM bundle_upload WHERE expires_at <= ? RETURNING id", (now,))
    for (upload_id,) in expired:
        drop_pieces(tx, upload_id)
