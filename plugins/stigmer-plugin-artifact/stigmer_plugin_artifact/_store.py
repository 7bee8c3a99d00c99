"""The bytes of artifacts, in this plugin's own tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stigmer_core.store import Reader, Transaction


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes and their SHA-256 in lower-case hex."""

    content: bytes
    digest: str


def hold(tx: Transaction, artifact_id: str, org: str, blob: Blob, expires_at: str) -> None:
    """Keep bytes for an artifact; the same ones are kept once in an organisation."""
    tx.execute(
        "INSERT OR IGNORE INTO artifact_blob (org_id, hash, content) VALUES (?, ?, ?)", (org, blob.digest, blob.content)
    )
    tx.execute(
        "INSERT INTO artifact_holder (artifact_id, org_id, hash, expires_at) VALUES (?, ?, ?, ?)",
        (artifact_id, org, blob.digest, expires_at),
    )


def release(tx: Transaction, artifact_id: str) -> None:
    """Take an artifact's bytes from it; they go when nobody else of the organisation has them."""
    held = tx.execute("DELETE FROM artifact_holder WHERE artifact_id = ? RETURNING org_id, hash", (artifact_id,))
    for blob in held:
        tx.execute(
            "DELETE FROM artifact_blob WHERE org_id = ?1 AND hash = ?2"
            " AND NOT EXISTS (SELECT 1 FROM artifact_holder WHERE org_id = ?1 AND hash = ?2)",
            blob,
        )


def content_of(reader: Reader, artifact_id: str, size_bytes: int) -> bytes:
    """Return the first bytes of an artifact that has some."""
    rows = reader.execute(
        "SELECT substr(b.content, 1, ?) FROM artifact_holder h JOIN artifact_blob b USING (org_id, hash)"
        " WHERE h.artifact_id = ?",
        (size_bytes, artifact_id),
    )
    return bytes(rows[0][0])


def expired(reader: Reader, moment: str, limit: int) -> list[str]:
    """Return the ids of artifacts that still have bytes and expired at a moment or before, the oldest first."""
    rows = reader.execute(
        "SELECT artifact_id FROM artifact_holder WHERE expires_at <> '' AND expires_at <= ?"
        " ORDER BY expires_at LIMIT ?",
        (moment, limit),
    )
    return [row[0] for row in rows]
