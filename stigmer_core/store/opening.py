"""Opening a database: create it, or look at it closely before anything is written to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import apsw

from stigmer_core.errors import StoreError
from stigmer_core.store.connection import checksum_vfs, connect
from stigmer_core.store.inspection import inspect
from stigmer_core.store.schema import migrate
from stigmer_core.store.translation import WRITABLE, translated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stigmer_core.store.schema import Migrations

LOOKED_THROUGH_BYTES = 2 * 1024 * 1024


def open_database(
    path: Path,
    *,
    migrations: Sequence[Migrations],
    create: bool,
) -> tuple[apsw.Connection, str | None]:
    """Return the writing connection to a database of the current schema, and the name of its VFS.

    Raises:
        StoreError: it cannot be used; the file is as it was.
    """
    if not path.parent.is_dir():
        raise StoreError(f"{path.parent} is not a directory: create it, or choose another home")
    if not os.path.lexists(path):
        if not create:
            raise StoreError(f"{path} does not exist")
        _create(path)
    vfs = _vfs(path)
    try:
        connection = _verified(path, vfs)
        try:
            migrate(connection, migrations, back_up=lambda schema: _back_up(connection, path, schema, vfs))
        except BaseException:
            connection.close()
            raise
    except apsw.Error as error:
        raise translated(error, str(path)) from error
    return connection, vfs


def copy_database(connection: apsw.Connection, target: Path, vfs: str | None) -> None:
    """Write a copy that is a database of its own: complete, with its own epoch.

    All pages are copied in one step, which reads one moment, also under load; in several, SQLite starts again at every
    write. `VACUUM INTO` writes pages without checksums once the copy is larger than the cache: the checksum VFS learns
    from the first page that there are any, and that one is written last.

    Raises:
        StoreError: the copy cannot be written, or stands there already.
    """
    if os.path.lexists(target):
        raise StoreError(f"{target} exists already")
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        partial.touch(mode=0o600)
        copy = connect(partial, vfs=vfs, create=True)
        try:
            copy.pragma("journal_mode", "off")  # a copy that breaks off is thrown away
            with copy.backup("main", connection, "main") as backup:
                backup.step()
            copy.execute("UPDATE counters SET epoch = random()").fetchall()
            copy.pragma("journal_mode", "wal")
        finally:
            copy.close()
        partial.replace(target)
    except apsw.Error as error:
        raise translated(error, str(target)) from error
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    _sync_directory(target.parent)


def _create(path: Path) -> None:
    """Create a database under another name and rename it: a crash leaves none, never half of one."""
    partial = path.with_name(path.name + ".new")
    try:
        partial.unlink(missing_ok=True)
        connection = connect(partial, vfs=checksum_vfs(), create=True)
        try:
            partial.chmod(0o600)
            migrate(connection, ())
        finally:
            connection.close()
        partial.replace(path)
        _sync_directory(path.parent)
    except apsw.Error as error:
        raise translated(error, str(path)) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be created: {error.strerror}") from error


def _vfs(path: Path) -> str | None:
    if not inspect(path):
        return None
    vfs = checksum_vfs()
    if vfs is None:
        raise StoreError(f"{path} has checksums, and this platform's apsw has no cksumvfs to keep them right")
    return vfs


def _verified(path: Path, vfs: str | None) -> apsw.Connection:
    """Connect and read what every start needs; a refusal leaves no trace beside the file."""
    beside = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")]
    absent = [file for file in beside if not file.exists()]
    connection = connect(path, vfs=vfs)
    try:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        _check_writable(connection, path)
        _look_through(connection, path)
        connection.pragma("journal_mode", "wal")
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
    except BaseException:
        connection.close()
        for file in absent:
            file.unlink(missing_ok=True)
        raise
    return connection


def _look_through(connection: apsw.Connection, path: Path) -> None:
    """Read every page of a small database, 1.5 us per KB, and of a large one what every start needs."""
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    connection.execute("SELECT epoch, commits FROM counters").fetchall()
    if path.stat().st_size <= LOOKED_THROUGH_BYTES:
        check_pages(connection)


def check_pages(connection: apsw.Connection, pragma: str = "quick_check") -> None:
    """Raise what SQLite finds wrong, as the error that it is."""
    problem = str(connection.execute(f"PRAGMA {pragma}(1)").fetchall()[0][0])
    if problem != "ok":
        raise apsw.CorruptError(problem.splitlines()[-1])


def _check_writable(connection: apsw.Connection, path: Path) -> None:
    if connection.readonly("main"):
        raise StoreError(f"{path} cannot be opened for writing: {WRITABLE}")


def _back_up(connection: apsw.Connection, path: Path, schema: str, vfs: str | None) -> None:
    target = path.with_name(f"{path.name}.before-{schema}.backup")
    target.unlink(missing_ok=True)
    copy_database(connection, target, vfs)


def _sync_directory(path: Path) -> None:
    """Make a rename durable; where directories cannot be synced (Windows), it is."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
