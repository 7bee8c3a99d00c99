"""Errors of SQLite as errors of ours: called where a foreign error enters, and only there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import apsw

from stigmer_core.errors import (
    AlreadyExistsError,
    DatabaseDamagedError,
    FailedPreconditionError,
    InvalidArgumentError,
    ResourceExhaustedError,
    StoreError,
    UnavailableError,
)

if TYPE_CHECKING:
    from stigmer_core.errors import StigmerError

WAY_OUT = "restore a backup in its place, or move it away to start with an empty one"
WRITABLE = "make it and its directory writable, or choose another home"

_DAMAGE = frozenset({apsw.SQLITE_IOERR_DATA, apsw.SQLITE_IOERR_CORRUPTFS, apsw.SQLITE_IOERR_SHORT_READ})
_DUPLICATE = frozenset(
    {apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY, apsw.SQLITE_CONSTRAINT_ROWID},
)
_BUSY = (apsw.BusyError, apsw.LockedError, apsw.InterruptError)
_REFUSED = (apsw.ReadOnlyError, apsw.PermissionsError, apsw.CantOpenError)
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+([A-Za-z_]\w*)", re.IGNORECASE)


def extended_result(error: apsw.Error) -> int:
    """Return SQLite's detailed code; an error that APSW raised by itself has none."""
    return int(getattr(error, "extendedresult", 0))


def is_damage(error: apsw.Error) -> bool:
    """Return whether the error says that the file's content is wrong."""
    return isinstance(error, apsw.CorruptError | apsw.NotADBError) or extended_result(error) in _DAMAGE


def is_full(error: apsw.Error) -> bool:
    """Return whether the error says that there is no room; the shared-memory file reports it as an I/O error."""
    return isinstance(error, apsw.FullError) or extended_result(error) == apsw.SQLITE_IOERR_SHMSIZE


def translated(error: apsw.Error, file: str, sql: str = "") -> StigmerError:
    """Return our error for one of SQLite's; `file` is the database it came from."""
    failure: StigmerError = StoreError(f"{file}: {error}")
    if is_full(error):
        failure = disk_full(file)
    elif is_damage(error):
        failure = damaged(file, sql, error)
    elif isinstance(error, apsw.ConstraintError):
        failure = _constraint(error)
    elif isinstance(error, _BUSY):
        failure = UnavailableError(f"{file} is busy: {error}")
    elif isinstance(error, apsw.TooBigError):
        failure = ResourceExhaustedError(f"{file}: a value is larger than the database takes")
    elif isinstance(error, _REFUSED):
        failure = StoreError(f"{file} cannot be opened for writing: {error}; {WRITABLE}")
    elif isinstance(error, apsw.AuthError):
        failure = StoreError("a transaction's function must not begin, end or attach")
    elif isinstance(error, apsw.ConnectionClosedError):
        failure = UnavailableError("the store is closed")
    return failure


def disk_full(file: str) -> ResourceExhaustedError:
    """Return the error of a write that found no room."""
    return ResourceExhaustedError(f"no space left for {file}: nothing was changed; free some space and retry")


def damaged(file: str, sql: str, error: apsw.Error) -> DatabaseDamagedError:
    """Return the error of a file whose content is wrong, with the table that was being read."""
    table = _TABLE.search(sql)
    where = f" (table {table[1]})" if table else ""
    return DatabaseDamagedError(f"{file} is damaged{where}: {error}; {WAY_OUT}")


def _constraint(error: apsw.ConstraintError) -> StigmerError:
    code = extended_result(error)
    if code in _DUPLICATE:
        return AlreadyExistsError(str(error))
    if code == apsw.SQLITE_CONSTRAINT_FOREIGNKEY:
        return FailedPreconditionError(str(error))
    return InvalidArgumentError(str(error))
