"""The settings that durability and integrity stand on, on every connection."""

from __future__ import annotations

import apsw
import pytest

from stigmer_core.errors import StoreError
from stigmer_core.store import connection as connections

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "busy_timeout": 5000,
    "page_size": 8192,
    "trusted_schema": 0,
}


@pytest.mark.parametrize("pragma", PRAGMAS)
def test_the_writer_has_every_setting(store, pragma):
    """Settings belong to a connection, not to the file."""
    assert store._connection.pragma(pragma) == PRAGMAS[pragma]


@pytest.mark.parametrize("pragma", PRAGMAS)
def test_a_reader_has_every_setting(store, pragma):
    """A reader is another connection: it needs them all again."""
    assert store.read(lambda reader: reader.execute(f"PRAGMA {pragma}")) == [(PRAGMAS[pragma],)]


def test_the_writer_begins_immediate(store):
    """A deferred transaction that reads first fails its write at once when another process writes."""
    assert store._connection.transaction_mode == "IMMEDIATE"


def test_a_statement_with_a_bound_limit_is_prepared_once(store):
    """SQLite built with STAT4 asks anew what the best plan is whenever such a statement has other values."""
    asked, counts = [], []
    store._connection.set_authorizer(lambda *what: asked.append(what) or apsw.SQLITE_OK)
    for limit in (1, 2, 3):
        sql = "SELECT id FROM resources WHERE kind = ? ORDER BY sequence LIMIT ?"
        store._connection.execute(sql, ("a", limit)).fetchall()
        counts.append(len(asked))

    assert counts == counts[:1] * 3


def test_pages_carry_checksums_where_apsw_ships_the_vfs(store):
    """Eight bytes of each page are for its checksum, and they are verified."""
    if connections.checksum_vfs() is None:
        pytest.skip("this platform's apsw has no cksumvfs")

    assert store.checksummed
    assert store._connection.reserve_bytes() == 8
    assert int(store._connection.pragma("checksum_verification")) == 1


def test_the_default_vfs_is_left_alone(store):
    """Loading the checksum VFS makes it everybody's default: other users of apsw here did not ask for that."""
    assert apsw.vfs_names()[0] != connections.CHECKSUM_VFS


def test_a_reader_cannot_write(store):
    """Only the writer writes, whatever SQL a plugin has."""
    with pytest.raises(StoreError, match="readonly"):
        store.read(lambda reader: reader.execute("DELETE FROM resources"))
