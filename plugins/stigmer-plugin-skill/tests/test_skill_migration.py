"""A database of the first version opens with its archives."""

from __future__ import annotations

import shutil
from pathlib import Path

import stigmer_plugin_skill
from stigmer_plugin_skill._store import find_archive, get_content, put_content

from stigmer_core.store import Migrations, Store

OWNER = "skill"
FILES = Path(stigmer_plugin_skill.__file__).parent / "migrations"


def test_archives_of_the_first_version_are_kept(tmp_path, monkeypatch):
    """They become content of one chunk; new content gets another id."""
    package = tmp_path / "site" / "first_skill_schema"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copy(FILES / "0001_skill_archive.sql", package)
    monkeypatch.syspath_prepend(tmp_path / "site")
    before = Store.open(tmp_path / "stigmer.db", migrations=[Migrations(OWNER, "first_skill_schema")])
    before.run_blocking(lambda tx: tx.execute("INSERT INTO skill_archive VALUES ('skl_1', 'abc', x'504b')"))
    before.close()

    store = Store.open(tmp_path / "stigmer.db", migrations=[Migrations(OWNER, "stigmer_plugin_skill.migrations")])

    kept = store.read(lambda reader: find_archive(reader, "skl_1", "abc"))
    assert store.read(lambda reader: get_content(reader, kept.content_id)) == b"PK"
    assert (kept.size_bytes, store.run_blocking(lambda tx: put_content(tx, b"x"))) == (2, kept.content_id + 1)
    store.close()
