"""The archives of skills, in this plugin's own tables: content in chunks, and which version has which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.errors import FailedPreconditionError

if TYPE_CHECKING:
    from stigmer_core.store import Reader, Transaction

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """Where an archive's bytes are, and how many."""

    content_id: int
    size_bytes: int


def begin_content(tx: Transaction) -> int:
    """Return the id of new content, to which chunks can be added."""
    return int(tx.execute("INSERT INTO skill_content (size_bytes) VALUES (0) RETURNING id")[0][0])


def add_chunk(tx: Transaction, content_id: int, number: int, chunk: bytes) -> None:
    """Add the chunk of a number.

    Raises:
        FailedPreconditionError: the content has gone, as an upload's does when it expires.
    """
    sql = "INSERT INTO skill_chunk (content_id, number, bytes) SELECT id, ?, ? FROM skill_content WHERE id = ?"
    if not tx.execute(sql + " RETURNING 1", (number, chunk, content_id)):
        raise FailedPreconditionError("the upload expired while it came in: ask for a new URL")


def end_content(tx: Transaction, content_id: int, size_bytes: int) -> None:
    """Say how much content it is, now that all of it is there."""
    tx.execute("UPDATE skill_content SET size_bytes = ? WHERE id = ?", (size_bytes, content_id))


def put_content(tx: Transaction, content: bytes) -> int:
    """Keep bytes and return the id of the content."""
    content_id = begin_content(tx)
    for number, start in enumerate(range(0, len(content), CHUNK_BYTES)):
        add_chunk(tx, content_id, number, content[start : start + CHUNK_BYTES])
    end_content(tx, content_id, len(content))
    return content_id


def drop_content(tx: Transaction, content_id: int) -> None:
    """Forget content that neither an archive nor an upload refers to."""
    tx.execute("DELETE FROM skill_content WHERE id = ?", (content_id,))


def get_content(reader: Reader, content_id: int) -> bytes:
    """Return all of some content."""
    rows = reader.execute("SELECT bytes FROM skill_chunk WHERE content_id = ? ORDER BY number", (content_id,))
    return b"".join(row[0] for row in rows)


def get_chunk(reader: Reader, content_id: int, number: int) -> bytes | None:
    """Return the chunk of a number; None behind the last one."""
    sql = "SELECT bytes FROM skill_chunk WHERE content_id = ? AND number = ?"
    rows = reader.execute(sql, (content_id, number))
    return bytes(rows[0][0]) if rows else None


def put_archive(tx: Transaction, skill_id: str, digest: str, content_id: int) -> None:
    """Make content the archive of a version; where the version has the same bytes already, drop it."""
    sql = "INSERT OR IGNORE INTO skill_archive (skill_id, hash, content_id) VALUES (?, ?, ?) RETURNING 1"
    if not tx.execute(sql, (skill_id, digest, content_id)):
        drop_content(tx, content_id)


def find_archive(reader: Reader, skill_id: str, digest: str) -> Stored | None:
    """Return where an archive is, or None."""
    rows = reader.execute(
        "SELECT c.id, c.size_bytes FROM skill_archive a JOIN skill_content c ON c.id = a.content_id"
        " WHERE a.skill_id = ? AND a.hash = ?",
        (skill_id, digest),
    )
    return Stored(*rows[0]) if rows else None


def delete_archives(tx: Transaction, skill_id: str) -> None:
    """Forget every archive of a skill."""
    for (content_id,) in tx.execute("DELETE FROM skill_archive WHERE skill_id = ? RETURNING content_id", (skill_id,)):
        drop_content(tx, content_id)
