"""A database of an earlier version opens with its archives."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import stigmer_plugin_skill

from stigmer_core.store import Migrations, Store
from stigmer_core.uploads import find_content, get_content

OWNER = "skill"
FILES = Path(stigmer_plugin_skill.__file__).parent / "migrations"
FIRST = "INSERT INTO skill_archive VALUES ('skl_1', 'abc', x'504b'), ('skl_gone', 'abc', x'00')"
SECOND = """
    INSERT INTO skill_content VALUES (7, 2), (8, 1), (9, 1);
    INSERT INTO skill_chunk VALUES (7, 1, x'4b'), (7, 0, x'50'), (8, 0, x'00'), (9, 0, x'00');
    INSERT INTO skill_archive VALUES ('skl_1', 'abc', 7), ('skl_gone', 'abc', 8);
    INSERT INTO skill_upload VALUES ('sau_1', 'local', 1, 'complete', 0, 9);
"""


@pytest.fixture
def schema_of(tmp_path, monkeypatch):
    """Return a function that makes the migrations of an earlier version: the first so many."""

    def make(version):
        package = tmp_path / "site" / "earlier_skill_schema"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        for file in sorted(FILES.glob("*.sql"))[:version]:
            shutil.copy(file, package)
        monkeypatch.syspath_prepend(tmp_path / "site")
        return Migrations(OWNER, "earlier_skill_schema")

    return make


@pytest.mark.parametrize(("version", "rows"), [(1, FIRST), (2, SECOND)])
def test_archives_of_an_earlier_version_are_kept(tmp_path, schema_of, version, rows):
    """As content of their skill; what waited for a push, or for a skill that has gone, is dropped."""
    before = Store.open(tmp_path / "stigmer.db", migrations=[schema_of(version)])

    def fill(tx):
        tx.insert(kind="Skill", resource_id="skl_1", org="local", slug="tidy", data="{}", body=b"")
        for statement in filter(str.strip, rows.split(";")):
            tx.execute(statement)

    before.run_blocking(fill)
    before.close()

    store = Store.open(tmp_path / "stigmer.db", migrations=[Migrations(OWNER, "stigmer_plugin_skill.migrations")])

    kept = store.read(lambda reader: find_content(reader, "skl_1", "abc"))
    assert (kept.size_bytes, store.read(lambda reader: get_content(reader, kept.content_id))) == (2, b"PK")
    assert store.read(lambda reader: reader.execute("SELECT count(*) FROM contents")) == [(1,)]
    assert store.read(lambda r: r.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'skill%'")) == []
    store.close()
