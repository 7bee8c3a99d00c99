"""The counters of a database: they survive the deletion of what was counted, and are written once a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import apsw


class Counters:
    """The last numbers given out, as the open transaction sees them."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.epoch = self.commits = self.revision = self.sequence = 0
        self.load()

    def load(self) -> None:
        """Read the committed values: at the start, and after a transaction that did not commit."""
        sql = "SELECT epoch, commits, revision, sequence FROM counters WHERE id = 1"
        row: tuple[Any, ...] = self._connection.execute(sql).fetchall()[0]
        self.epoch, self.commits, self.revision, self.sequence = row

    def save(self) -> None:
        """Write the values into the transaction that is about to commit."""
        sql = "UPDATE counters SET commits = ?, revision = ?, sequence = ? WHERE id = 1"
        self.commits += 1
        self._connection.execute(sql, (self.commits, self.revision, self.sequence)).fetchall()

    def next_revision(self) -> int:
        """Return the next number in the order of writes."""
        self.revision += 1
        return self.revision

    def next_sequence(self) -> int:
        """Return the next number in the order of creation."""
        self.sequence += 1
        return self.sequence
