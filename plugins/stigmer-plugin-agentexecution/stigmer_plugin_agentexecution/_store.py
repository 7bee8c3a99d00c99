"""The files that are uploaded for runs, in this plugin's own tables."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stigmer_core.store import Reader, Transaction

SWEEP_EVERY = timedelta(hours=1)
UNUSED_FOR = timedelta(days=7)
_SWEEP_AT_ONCE = 500


class StoredFile(NamedTuple):
    """An uploaded file."""

    filename: str
    content_type: str
    content: bytes


def put_file(tx: Transaction, storage_key: str, file: StoredFile) -> None:
    """Keep a file under a new key."""
    sql = "INSERT INTO attachment (storage_key, filename, content_type, created_at, content) VALUES (?, ?, ?, ?, ?)"
    tx.execute(sql, (storage_key, file.filename, file.content_type, tx.now.isoformat(), file.content))


def get_file(reader: Reader, storage_key: str) -> StoredFile | None:
    """Return a file, or None."""
    rows = reader.execute(
        "SELECT filename, content_type, content FROM attachment WHERE storage_key = ?", (storage_key,)
    )
    return StoredFile(rows[0][0], rows[0][1], bytes(rows[0][2])) if rows else None


def missing_files(reader: Reader, storage_keys: Iterable[str]) -> list[str]:
    """Return the keys under which there is nothing."""
    sql = "SELECT 1 FROM attachment WHERE storage_key = ?"
    return [key for key in storage_keys if not reader.execute(sql, (key,))]


def use_files(tx: Transaction, execution_id: str, storage_keys: Iterable[str]) -> None:
    """Note that a run was given files."""
    for key in storage_keys:
        tx.execute(
            "INSERT OR IGNORE INTO attachment_use (execution_id, storage_key) VALUES (?, ?)", (execution_id, key)
        )


def forget_uses(tx: Transaction, execution_id: str) -> None:
    """Let go of a run's files; those that no other run has are dropped."""
    rows = tx.execute("DELETE FROM attachment_use WHERE execution_id = ? RETURNING storage_key", (execution_id,))
    for (key,) in rows:
        tx.execute(
            "DELETE FROM attachment WHERE storage_key = ?1"
            " AND NOT EXISTS (SELECT 1 FROM attachment_use WHERE storage_key = ?1)",
            (key,),
        )


def sweep(tx: Transaction) -> None:
    """Drop files that no run has used for a week."""
    tx.execute(
        "DELETE FROM attachment WHERE storage_key IN ("
        " SELECT storage_key FROM attachment a WHERE created_at < ?"
        " AND NOT EXISTS (SELECT 1 FROM attachment_use u WHERE u.storage_key = a.storage_key) LIMIT ?)",
        ((tx.now - UNUSED_FOR).isoformat(), _SWEEP_AT_ONCE),
    )
