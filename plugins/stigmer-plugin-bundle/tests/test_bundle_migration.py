"""A database of an earlier version opens with its archives."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import stigmer_plugin_bundle

from stigmer_core.store import Migrations, Store
from stigmer_core.uploads import find_content, get_content

OWNER = "bundle"
FILES = Path(stigmer_plugin_bundle.__file__).parent / "migrations"


@pytest.fixture
def first(tmp_path, monkeypatch):
    """Return the migrations of the first version."""
    package = tmp_path / "site" / "first_bundle_schema"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copy(FILES / "0001_bundle.sql", package)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return Migrations(OWNER, "first_bundle_schema")


def fill(tx):
    tx.insert(kind="Plugin", resource_id="plg_1", org="local", slug="tools", data="{}", body=b"")
    tx.execute("INSERT INTO bundle_archive VALUES ('plg_1', 'abc', x'504b')")
    tx.execute("INSERT INTO bundle_upload VALUES ('upl_1', 'local', 1, 0, 'ready')")
    tx.execute("INSERT INTO bundle_upload_piece VALUES ('upl_1', 0, x'00')")


def test_archives_of_the_first_version_are_kept(tmp_path, first):
    """As content of their bundle; what waited for a push is dropped."""
    before = Store.open(tmp_path / "stigmer.db", migrations=[first])
    before.run_blocking(fill)
    before.close()

    store = Store.open(tmp_path / "stigmer.db", migrations=[Migrations(OWNER, "stigmer_plugin_bundle.migrations")])

    kept = store.read(lambda reader: find_content(reader, "plg_1", "abc"))
    assert (kept.size_bytes, store.read(lambda reader: get_content(reader, kept.content_id))) == (2, b"PK")
    assert store.read(lambda r: r.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'bundle%'")) == []
    store.close()
