"""Migrations: SQL files of the core and of plugins, applied together, whole or not at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from stigmer_core.errors import SchemaTooNewError, StoreError
from stigmer_core.store.connection import refuse_control
from stigmer_core.store.translation import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (
    owner TEXT NOT NULL,                       -- a distribution's name
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (owner, version)
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Migrations:
    """The schema of one owner: the files `NNNN_name.sql` in the folder of an importable package.

    They stand in the package's folder itself, or in its subfolder `migrations`. A released file is never edited.
    """

    owner: str
    package: str

    def files(self) -> list[Migration]:
        """Return the migrations in order.

        Raises:
            StoreError: there is no such package, or none in it, or their numbers are not 1, 2, 3...
        """
        found = sorted((int(match[1]), path) for path in self._paths() if (match := _FILE.fullmatch(path.name)))
        if not found or [number for number, _ in found] != list(range(1, len(found) + 1)):
            raise StoreError(f"migrations of {self.owner} are not numbered 0001, 0002, ... in {self.package}")
        return [Migration(self.owner, number, path) for number, path in found]

    def _paths(self) -> list[Path]:
        """List the folder. `importlib.resources` would cost 14 ms of imports; wheels are installed as files."""
        try:
            spec = find_spec(self.package)
        except ModuleNotFoundError:
            spec = None
        folders = [Path(folder) for folder in (spec.submodule_search_locations or ()) if spec] if spec else []
        return [path for folder in folders for where in (folder, folder / "migrations") for path in where.glob("*.sql")]


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of SQL statements."""

    owner: str
    version: int
    path: Path


CORE = Migrations(owner="stigmer-core", package="stigmer_core.store")


def migrate(
    connection: apsw.Connection,
    migrations: Sequence[Migrations],
    *,
    back_up: Callable[[str], None] | None = None,
) -> None:
    """Bring a database to the schema that the core and these owners know; all files in one transaction.

    An owner that was there once and is not among them is left alone. `back_up` is called first with a name for the
    schema, when there is something to do and something to lose.

    Raises:
        SchemaTooNewError: the database has a migration that its owner here does not know.
    """
    file = connection.filename
    applied = _applied(connection)
    pending = [
        migration for owned in (CORE, *migrations) for migration in _known(owned, applied.get(owned.owner, 0), file)
    ]
    if not pending:
        return
    if back_up and _has_content(connection):
        first = pending[0]
        back_up(f"{first.owner}-{applied.get(first.owner, 0):04d}")
    try:
        with connection:
            connection.execute(_LEDGER).fetchall()
            for migration in pending:
                _apply(connection, migration)
    except apsw.Error as error:
        raise translated(error, file) from error


def _known(owned: Migrations, applied: int, file: str) -> list[Migration]:
    files = owned.files()
    if applied > files[-1].version:
        raise SchemaTooNewError(
            f"{file} has version {applied} of the schema of {owned.owner}, this program knows version "
            f"{files[-1].version}: upgrade it, or restore a backup",
        )
    return files[applied:]


def _apply(connection: apsw.Connection, migration: Migration) -> None:
    """Run every statement of a file; `fetchall` because APSW runs the later ones only as rows are read."""
    connection.set_authorizer(refuse_control)
    try:
        connection.execute(migration.path.read_text(encoding="utf-8")).fetchall()
        connection.execute(
            "INSERT INTO migrations (owner, version, name) VALUES (?, ?, ?)",
            (migration.owner, migration.version, migration.path.stem),
        ).fetchall()
    except (apsw.SQLError, apsw.AuthError) as error:
        raise StoreError(f"migration {migration.path.name} of {migration.owner} is wrong: {error}") from error
    finally:
        connection.set_authorizer(None)


def _applied(connection: apsw.Connection) -> dict[str, int]:
    if not connection.table_exists("main", "migrations"):
        return {}
    rows: list[tuple[Any, ...]] = connection.execute(
        "SELECT owner, max(version) FROM migrations GROUP BY owner"
    ).fetchall()
    return dict(rows)


def _has_content(connection: apsw.Connection) -> bool:
    if not connection.table_exists("main", "resources"):
        return False
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM resources)").fetchall()[0][0])
