"""The memories that count against their subject's ceiling, in this plugin's own table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stigmer_core.store import Reader, Transaction


def count_places(reader: Reader, org: str, subject: str) -> int:
    """Return how many memories of a subject in an organization are not rejected."""
    rows = reader.execute("SELECT count(*) FROM memory_place WHERE org_id = ? AND subject = ?", (org, subject))
    return int(rows[0][0])


def add_place(tx: Transaction, memory_id: str, org: str, subject: str) -> None:
    """Count a memory against its subject's ceiling."""
    tx.execute("INSERT INTO memory_place (memory_id, org_id, subject) VALUES (?, ?, ?)", (memory_id, org, subject))


def remove_place(tx: Transaction, memory_id: str) -> None:
    """Stop counting a memory, if it was."""
    tx.execute("DELETE FROM memory_place WHERE memory_id = ?", (memory_id,))
