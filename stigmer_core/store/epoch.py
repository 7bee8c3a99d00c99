"""The file beside the database that says how many commits it has: a database with fewer has lost its WAL.

A database copied without its `-wal` opens without complaint and lacks what was acknowledged last. The count is
written after each commit, not synced: a power cut leaves an older count, which claims less, never more.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from stigmer_core.errors import DatabaseDamagedError

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT = "%020d %020d\n"


class EpochFile:
    """The commits that this file's database, told by its epoch, is known to have."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + "-epoch")
        self._database = database
        self._descriptor: int | None = None

    def check(self, epoch: int, commits: int) -> None:
        """Compare with what the database says; a file that cannot be read claims nothing.

        Raises:
            DatabaseDamagedError: commits are missing.
        """
        try:
            known_epoch, known_commits = map(int, self.path.read_text().split())
        except (OSError, ValueError):
            return
        if known_epoch == epoch and known_commits > commits:
            raise DatabaseDamagedError(
                f"{self._database} lacks the last {known_commits - commits} of {known_commits} commits: its -wal file "
                f"is missing, or it is an older copy; put the missing file back, restore a backup, or delete "
                f"{self.path} to go on without them",
            )

    def note(self, epoch: int, commits: int) -> None:
        """Write the count; failing to is no reason to fail a commit that is durable."""
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, (_FORMAT % (epoch, commits)).encode())
        except OSError:
            return

    def close(self) -> None:
        """Close the file; the count stays for the next start."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
