"""Backups: complete, of one moment, under load, and a database of their own."""

from __future__ import annotations

import asyncio
import random

import pytest

from stigmer_core.errors import StoreError
from stigmer_core.store import SearchText, Store
from stigmer_core.store.connection import CACHE_KIB


@pytest.fixture
async def busy(store, insert):
    """Return a store into which sixteen callers insert."""
    stop = asyncio.Event()

    async def write(writer):
        for number in range(10**6):
            if stop.is_set():
                return
            await store.run(lambda tx, n=number: insert(tx, f"{writer}-{n}", slug=f"{writer}-{n}"))

    writers = [asyncio.ensure_future(write(writer)) for writer in range(16)]
    await asyncio.sleep(0.2)
    yield store
    stop.set()
    await asyncio.gather(*writers)


async def test_a_backup_under_load_is_of_one_moment(busy, tmp_path):
    """It opens, every page is right, and its rows are contiguous: no hole, no half of a group."""
    await asyncio.to_thread(busy.backup, tmp_path / "backup.db")

    copy = Store.open(tmp_path / "backup.db")
    copy.verify()
    sequences = [row.sequence for row in copy.read(lambda reader: reader.page("Agent", limit=10**6))]
    copy.close()
    assert sequences == list(range(len(sequences), 0, -1))
    assert 0 < len(sequences) <= busy.read(lambda reader: reader.count("Agent"))


def test_a_backup_equals_its_source(filled, tmp_path):
    """Every table, row by row; search works in it."""
    filled.run_blocking(lambda tx: tx.update("agt-1", data="{}", body=b"x", search=SearchText(name="findable")))
    filled.run_blocking(lambda tx: tx.append_event("s", type="t", body=b"event"))
    filled.run_blocking(lambda tx: tx.remember("key", b"answer"))
    filled.backup(tmp_path / "backup.db")
    copy = Store.open(tmp_path / "backup.db")

    def content(store):
        tables = ("resources", "indexes", "versions", "events", "idempotency", "migrations")
        return [store.read(lambda reader, t=table: reader.execute(f"SELECT * FROM {t}")) for table in tables]

    def search(reader):
        return reader.search(kinds=["Agent"], query="findable", org=None, limit=9, offset=0).total

    assert content(copy) == content(filled)
    assert (copy.checksummed, copy.read(search)) == (filled.checksummed, 1)
    copy.close()


def test_a_backup_larger_than_the_cache_is_whole(store, insert, tmp_path):
    """Every page has its checksum, also those that are written before the copying ends."""
    body = random.Random(1).randbytes(CACHE_KIB * 1024 // 10)
    store.run_blocking(lambda tx: [insert(tx, number, body=body) for number in range(20)])

    store.backup(tmp_path / "backup.db")

    copy = Store.open(tmp_path / "backup.db")
    copy.verify()
    assert [copy.read(lambda reader, n=number: reader.get(f"agt-{n}")).body == body for number in range(20)] == [
        True
    ] * 20
    copy.close()


def test_a_backup_overwrites_nothing(filled, tmp_path):
    """A backup of yesterday is worth more than one of today that failed."""
    (tmp_path / "backup.db").write_text("precious")

    with pytest.raises(StoreError, match="exists already"):
        filled.backup(tmp_path / "backup.db")

    assert (tmp_path / "backup.db").read_text() == "precious"


def test_a_backup_that_cannot_be_written_says_so(filled, tmp_path):
    """One sentence; no half file is left."""
    with pytest.raises(StoreError, match=r"backup\.db cannot be written: No such file or directory"):
        filled.backup(tmp_path / "nowhere" / "backup.db")

    assert not (tmp_path / "nowhere").exists()


def test_a_backup_is_private(filled, tmp_path):
    """It holds what the database holds."""
    filled.backup(tmp_path / "backup.db")

    assert (tmp_path / "backup.db").stat().st_mode & 0o777 == 0o600
