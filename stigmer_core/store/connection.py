"""Connections: opened through the checksum VFS, set up alike, and checked to be so."""

from __future__ import annotations

import sys
from pathlib import Path

import apsw

from stigmer_core.errors import DatabaseDamagedError
from stigmer_core.store import relevance
from stigmer_core.store.translation import WAY_OUT

PAGE_SIZE = 8192
RESERVED_BYTES = 8  # of each page, for its checksum: https://sqlite.org/cksumvfs.html
BUSY_TIMEOUT_MS = 5000
CACHE_KIB = 4096
CHECKPOINT_PAGES = 1000
CHECKSUM_VFS = "cksmvfs"

# Two marks in the header that are several bits apart: one flipped bit cannot turn checksums off unseen.
APPLICATION_CHECKSUMMED = 0x53544743  # "STGC"
APPLICATION_PLAIN = 0x5354474D  # "STGM"

_CONTROL = frozenset({apsw.SQLITE_TRANSACTION, apsw.SQLITE_SAVEPOINT, apsw.SQLITE_ATTACH, apsw.SQLITE_DETACH})
_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}


def checksum_vfs() -> str | None:
    """Return the name of the checksum VFS, loaded when it is not yet; None where this APSW has none.

    APSW's own loader, `apsw.sqlite_extra`, costs 16 ms of imports to find the same file. Loading makes the VFS the
    default for everybody in this process, so the default is set back.
    """
    if CHECKSUM_VFS in apsw.vfs_names():
        return CHECKSUM_VFS
    extras = Path(apsw.__file__).parent / "sqlite_extra_binaries"
    library = extras / ("cksumvfs" + _SUFFIX.get(sys.platform, ".so"))
    if not library.exists():
        return None
    default = apsw.vfs_names()[0]
    loader = apsw.Connection(":memory:")
    try:
        loader.config(apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1)
        loader.load_extension(str(library))
    except apsw.ExtensionLoadingError:
        return None
    finally:
        loader.close()
    apsw.set_default_vfs(default)
    return CHECKSUM_VFS


def connect(path: Path, *, vfs: str | None, readonly: bool = False, create: bool = False) -> apsw.Connection:
    """Return a connection with every setting of ours; each connection needs them anew.

    A reader is opened for writing and then forbidden to: a read-only one cannot share the WAL's memory.
    """
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    connection = apsw.Connection(str(path), flags=flags, vfs=vfs, statementcachesize=200)
    try:
        _set_up(connection, checksummed=vfs == CHECKSUM_VFS, create=create)
        if readonly:
            connection.execute("PRAGMA query_only = ON").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: apsw.Connection, *, checksummed: bool, create: bool) -> None:
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.transaction_mode = "IMMEDIATE"  # DEFERRED read-then-write gets BUSY without waiting: apsw#578
    if create:
        if checksummed:
            connection.reserve_bytes(reserve=RESERVED_BYTES)
        connection.pragma("page_size", PAGE_SIZE)
        connection.pragma("application_id", APPLICATION_CHECKSUMMED if checksummed else APPLICATION_PLAIN)
        connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "FULL")
    connection.pragma("foreign_keys", "ON")
    connection.pragma("trusted_schema", "OFF")
    connection.pragma("cache_size", -CACHE_KIB)
    connection.pragma("journal_size_limit", 64 * 1024 * 1024)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    # Else a statement with a bound limit or range is prepared anew whenever it runs (STAT4): a fifth of a run's time.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    relevance.register(connection)
    connection.wal_autocheckpoint(0)  # the writer checkpoints after it has answered
    if checksummed and connection.reserve_bytes() != RESERVED_BYTES:
        raise DatabaseDamagedError(f"{connection.filename} is damaged: its pages have no checksums; {WAY_OUT}")


def refuse_control(operation: int, *_: str | None) -> int:
    """Refuse statements that begin, end or attach: an authorizer for SQL that is not the store's own.

    SQLite asks when it prepares a statement, so a text of the store's that is in the statement cache passes: its own
    statements carry a comment that nobody else's have.
    """
    return apsw.SQLITE_DENY if operation in _CONTROL else apsw.SQLITE_OK
