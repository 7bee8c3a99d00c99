"""Looking at a database file before SQLite touches it: what cannot be right is refused and left as it is."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.errors import DatabaseDamagedError, StoreError
from stigmer_core.store.connection import APPLICATION_CHECKSUMMED, APPLICATION_PLAIN, RESERVED_BYTES
from stigmer_core.store.translation import WAY_OUT

if TYPE_CHECKING:
    from pathlib import Path

HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Header:
    """What the first 100 bytes say; see https://sqlite.org/fileformat2.html#the_database_header."""

    page_size: int
    reserved_bytes: int
    pages: int
    application: int

    @classmethod
    def parse(cls, data: bytes) -> Header:
        """Return the fields of a header."""
        page_size = int.from_bytes(data[16:18], "big")
        return cls(
            page_size=65536 if page_size == 1 else page_size,
            reserved_bytes=data[20],
            pages=int.from_bytes(data[28:32], "big"),
            application=int.from_bytes(data[68:72], "big"),
        )


def inspect(path: Path) -> bool:
    """Return whether the pages of an existing database carry checksums.

    Raises:
        DatabaseDamagedError: the file is empty, is no database, or part of it is missing.
        StoreError: it cannot be read, or belongs to another program.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise StoreError(f"{path} is not a file")
        with path.open("rb") as file:
            data = file.read(HEADER_BYTES)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    if not data:
        raise _refusal(path, "is empty")
    if len(data) < HEADER_BYTES or not data.startswith(_MAGIC):
        raise _refusal(path, "is not a database")
    return _checksummed(path, Header.parse(data), status.st_size)


def _checksummed(path: Path, header: Header, size_bytes: int) -> bool:
    if header.application == APPLICATION_CHECKSUMMED:
        if header.reserved_bytes != RESERVED_BYTES:
            raise _refusal(path, "is damaged: its pages have no checksums")
    elif header.application != APPLICATION_PLAIN:
        raise StoreError(f"{path} is a database, but not one of this program: move it away, or choose another home")
    wal = path.with_name(path.name + "-wal")
    recoverable = wal.exists() and wal.stat().st_size > 0  # what a crashed checkpoint left is completed from there
    if not recoverable and size_bytes < header.pages * header.page_size:
        raise _refusal(path, f"is truncated: {size_bytes} bytes of {header.pages * header.page_size}")
    return header.application == APPLICATION_CHECKSUMMED


def _refusal(path: Path, what: str) -> DatabaseDamagedError:
    return DatabaseDamagedError(f"{path} {what}; {WAY_OUT}")
