"""Content in chunks: it comes in for an upload or at once, and then is a resource's, with which it goes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from stigmer_core.errors import FailedPreconditionError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from stigmer_core.store import Reader, Store, Transaction

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a resource's bytes are, and how many."""

    content_id: int
    size_bytes: int


def begin_content(tx: Transaction) -> int:
    """Return the id of new content, to which chunks can be added."""
    return int(tx.execute("INSERT INTO contents DEFAULT VALUES RETURNING id")[0][0])


def add_chunk(tx: Transaction, content_id: int, number: int, chunk: bytes) -> None:
    """Add the chunk of a number.

    Raises:
        FailedPreconditionError: the content has gone, as an upload's does when it expires.
    """
    sql = "INSERT INTO content_chunks (content_id, number, bytes) SELECT id, ?, ? FROM contents WHERE id = ?"
    if not tx.execute(sql + " RETURNING 1", (number, chunk, content_id)):
        raise FailedPreconditionError("the upload expired while it came in: ask for a new URL")


def end_content(tx: Transaction, content_id: int, size_bytes: int) -> None:
    """Say how much content it is, now that all of it is there."""
    tx.execute("UPDATE contents SET size_bytes = ? WHERE id = ?", (size_bytes, content_id))


def put_content(tx: Transaction, content: bytes) -> int:
    """Keep bytes and return the id of the content, to be given to a resource in the same transaction."""
    content_id = begin_content(tx)
    for number, start in enumerate(range(0, len(content), CHUNK_BYTES)):
        add_chunk(tx, content_id, number, content[start : start + CHUNK_BYTES])
    end_content(tx, content_id, len(content))
    return content_id


def give_content(tx: Transaction, content_id: int, resource_id: str, name: str) -> None:
    """Make content a resource's, to go with it; where the resource has some of that name already, drop it.

    Args:
        tx: the transaction; the resource is written in it, or was before.
        content_id: content that is nobody's: put, or taken from an upload.
        resource_id: the new owner.
        name: what says which bytes these are, such as their digest.
    """
    sql = "UPDATE OR IGNORE contents SET resource_id = ?, name = ? WHERE id = ? RETURNING 1"
    if not tx.execute(sql, (resource_id, name, content_id)):
        drop_content(tx, content_id)


def find_content(reader: Reader, resource_id: str, name: str) -> Stored | None:
    """Return where a resource's content of a name is, or None."""
    sql = "SELECT id, size_bytes FROM contents WHERE resource_id = ? AND name = ?"
    rows = reader.execute(sql, (resource_id, name))
    return Stored(*rows[0]) if rows else None


def drop_content(tx: Transaction, content_id: int) -> None:
    """Forget content."""
    tx.execute("DELETE FROM contents WHERE id = ?", (content_id,))


def get_content(reader: Reader, content_id: int) -> bytes:
    """Return all of some content."""
    rows = reader.execute("SELECT bytes FROM content_chunks WHERE content_id = ? ORDER BY number", (content_id,))
    return b"".join(row[0] for row in rows)


async def stream_content(store: Store, content_id: int) -> AsyncIterator[bytes]:
    """Yield content chunk by chunk, none of them empty; content that is dropped meanwhile ends too early."""
    number = 0
    while chunk := await store.read_slowly(partial(_get_chunk, content_id=content_id, number=number)):
        yield chunk
        number += 1


def _get_chunk(reader: Reader, content_id: int, number: int) -> bytes:
    sql = "SELECT bytes FROM content_chunks WHERE content_id = ? AND number = ?"
    rows = reader.execute(sql, (content_id, number))
    return bytes(rows[0][0]) if rows else b""
