"""Migrations: the old schema or the new one, never between, and never a newer one."""

from __future__ import annotations

import subprocess
import sys

import apsw
import pytest

from stigmer_core.errors import SchemaTooNewError, StoreError
from stigmer_core.store import Migrations, Store

FIRST = "CREATE TABLE journal (run_id TEXT PRIMARY KEY) STRICT;"
SECOND = "ALTER TABLE journal ADD COLUMN state TEXT; CREATE INDEX journal_by_state ON journal (state);"
PLUGIN = Migrations(owner="stigmer-plugin-sample", package="sample_plugin")


@pytest.fixture
def release(tmp_path, monkeypatch):
    """Return a function that installs a plugin whose package has these migrations."""
    monkeypatch.syspath_prepend(tmp_path / "site")

    def release(*files):
        folder = tmp_path / "site" / "sample_plugin" / "migrations"
        folder.mkdir(parents=True, exist_ok=True)
        (folder.parent / "__init__.py").write_text('"""A plugin."""')
        for old in folder.iterdir():
            old.unlink()
        for number, sql in enumerate(files, start=1):
            (folder / f"{number:04d}_step.sql").write_text(sql)

    return release


def ledger(store):
    """Return what was applied."""
    return store.read(lambda reader: reader.execute("SELECT owner, version FROM migrations ORDER BY owner, version"))


def columns(store):
    """Return the columns of the plugin's table."""
    rows = store.read(lambda reader: reader.execute("SELECT name FROM pragma_table_info('journal')"))
    return [name for (name,) in rows]


def open_and_close(path, *migrations):
    """Start and stop."""
    Store.open(path, migrations=migrations).close()


def test_a_plugins_tables_are_made(path, release):
    """A new database has the core's schema and each plugin's."""
    release(FIRST, SECOND)

    store = Store.open(path, migrations=[PLUGIN])

    assert columns(store) == ["run_id", "state"]
    assert ledger(store)[-2:] == [("stigmer-plugin-sample", 1), ("stigmer-plugin-sample", 2)]
    store.close()


def test_only_what_is_new_is_applied(path, release):
    """A start without news changes nothing."""
    release(FIRST)
    open_and_close(path, PLUGIN)
    before = path.read_bytes()
    open_and_close(path, PLUGIN)
    unchanged = path.read_bytes() == before
    release(FIRST, SECOND)

    store = Store.open(path, migrations=[PLUGIN])

    assert unchanged
    assert columns(store) == ["run_id", "state"]
    store.close()


def test_a_removed_plugin_leaves_its_tables(path, release):
    """They come back to life with it."""
    release(FIRST)
    open_and_close(path, PLUGIN)

    store = Store.open(path)

    assert columns(store) == ["run_id"]
    store.close()


def test_a_newer_plugin_schema_is_refused(path, release):
    """An older program would write what the newer one does not expect."""
    release(FIRST, SECOND)
    open_and_close(path, PLUGIN)
    release(FIRST)

    with pytest.raises(SchemaTooNewError) as caught:
        Store.open(path, migrations=[PLUGIN])

    assert "version 2 of the schema of stigmer-plugin-sample, this program knows version 1" in caught.value.message


def test_a_newer_core_schema_is_refused(path):
    """A downgrade says so, with both versions."""
    store = Store.open(path)
    newest = ledger(store)[-1][1]
    store.run_blocking(
        lambda tx: tx.execute("INSERT INTO migrations (owner, version, name) VALUES ('stigmer-core', 99, 'later')"),
    )
    store.close()

    with pytest.raises(
        SchemaTooNewError, match=f"has version 99 .* of stigmer-core, this program knows version {newest}"
    ):
        Store.open(path)


BROKEN = ["CREATE TABLE half (a); CREATE TABLE", "CREATE TABLE half (a); COMMIT; CREATE TABLE"]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_migration_is_applied_whole_or_not_at_all(path, release, broken):
    """Also the ones before it in the same start, and also when it tries to commit by itself."""
    release(FIRST)
    open_and_close(path, PLUGIN)
    release(FIRST, SECOND, broken)

    with pytest.raises(StoreError, match=r"migration 0003_step\.sql of stigmer-plugin-sample is wrong"):
        Store.open(path, migrations=[PLUGIN])

    store = Store.open(path)
    assert columns(store) == ["run_id"]
    assert store.read(lambda reader: reader.execute("SELECT 1 FROM sqlite_schema WHERE name = 'half'")) == []
    store.close()


@pytest.mark.parametrize("files", [(), (FIRST, None, SECOND)], ids=["none", "a-gap"])
def test_migrations_are_numbered_without_gaps(path, release, files, tmp_path):
    """A missing file is a broken installation."""
    release(*(sql or "" for sql in files))
    if files:
        (tmp_path / "site" / "sample_plugin" / "migrations" / "0002_step.sql").unlink()

    with pytest.raises(StoreError, match="are not numbered 0001, 0002"):
        Store.open(path, migrations=[PLUGIN])


def test_a_missing_package_is_named(path):
    """A plugin that declares what it does not ship."""
    with pytest.raises(StoreError, match=r"in no_such_package\.sql"):
        Store.open(path, migrations=[Migrations(owner="x", package="no_such_package.sql")])


def test_a_database_with_content_is_backed_up_first(path, release, insert):
    """The copy is of the schema before, named by it, and opens."""
    store = Store.open(path)
    store.run_blocking(lambda tx: insert(tx, 1))
    store.close()
    release(FIRST)

    open_and_close(path, PLUGIN)

    copy = Store.open(path.with_name("stigmer.db.before-stigmer-plugin-sample-0000.backup"))
    assert copy.read(lambda reader: reader.kinds()) == {"Agent": 1}
    assert columns(copy) == []
    copy.close()


def test_a_database_without_content_is_not_backed_up(path, release):
    """A first start leaves no clutter."""
    open_and_close(path)
    release(FIRST)

    open_and_close(path, PLUGIN)

    assert list(path.parent.glob("*.backup")) == []


KILLED = """
import os, sys
from pathlib import Path
import apsw
from stigmer_core.store import Migrations, Store
left = int(sys.argv[2])
def count(cursor, sql, bindings):
    global left
    left -= 1
    if not left:
        os._exit(9)
    return True
apsw.connection_hooks.append(lambda connection: connection.set_exec_trace(count))
Store.open(Path(sys.argv[1]), migrations=[Migrations("stigmer-plugin-sample", "sample_plugin")])
"""


def test_a_start_killed_at_any_statement_is_finished_by_the_next(path, release, insert, tmp_path):
    """The schema is the old one or the new one, and the content is there."""
    store = Store.open(path)
    store.run_blocking(lambda tx: insert(tx, 1))
    store.close()
    release(FIRST, SECOND)
    original, killed = path.read_bytes(), True
    for statement in range(1, 200, 3):
        path.write_bytes(original)
        arguments = [sys.executable, "-c", KILLED, str(path), str(statement)]
        killed = subprocess.run(arguments, env={"PYTHONPATH": ":".join(sys.path)}, check=False).returncode == 9
        if not killed:
            break
        store = Store.open(path, migrations=[PLUGIN])
        assert (columns(store), store.read(lambda reader: reader.kinds())) == (["run_id", "state"], {"Agent": 1})
        store.close()

    assert not killed


def test_the_schema_is_strict(store):
    """A column holds what it says, in every table of ours."""
    rows = store.read(
        lambda reader: reader.execute("SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict"),
    )

    assert [name for (name,) in rows if not name.startswith(("sqlite_", "search_"))] == []


def test_sqlite_is_new_enough():
    """RETURNING, STRICT and contentless-delete tables."""
    assert apsw.SQLITE_VERSION_NUMBER >= 3_043_000
