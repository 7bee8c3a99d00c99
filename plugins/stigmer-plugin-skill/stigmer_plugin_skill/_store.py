"""The archives of pushed skills, in this plugin's own table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stigmer_core.store import Reader, Transaction


def put_archive(tx: Transaction, skill_id: str, digest: str, content: bytes) -> None:
    """Keep an archive; the same one twice is kept once."""
    tx.execute(
        "INSERT OR IGNORE INTO skill_archive (skill_id, hash, content) VALUES (?, ?, ?)", (skill_id, digest, content)
    )


def get_archive(reader: Reader, skill_id: str, digest: str) -> bytes | None:
    """Return an archive, or None."""
    rows = reader.execute("SELECT content FROM skill_archive WHERE skill_id = ? AND hash = ?", (skill_id, digest))
    return bytes(rows[0][0]) if rows else None


def delete_archives(tx: Transaction, skill_id: str) -> None:
    """Forget every archive of a skill."""
    tx.execute("DELETE FROM skill_archive WHERE skill_id = ?", (skill_id,))
