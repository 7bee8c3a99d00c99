"""Content in chunks is a resource's, and goes with it."""

from __future__ import annotations

import random

from stigmer_core.uploads import drop_content, find_content, get_content, give_content, put_content, stream_content
from stigmer_core.uploads.contents import CHUNK_BYTES

CONTENT = random.Random(1).randbytes(2 * CHUNK_BYTES + 1)


def kept(store, insert, content=CONTENT, resource_id="thg-1"):
    """Return where the content `first` of a new resource is."""

    def keep(tx):
        insert(tx, resource_id)
        give_content(tx, put_content(tx, content), resource_id, "first")
        return find_content(tx, resource_id, "first")

    return store.run_blocking(keep)


async def test_content_comes_back_whole_and_chunk_by_chunk(store, insert, count):
    """In the order it was put; no chunk is larger than a megabyte."""
    stored = kept(store, insert)

    chunks = [chunk async for chunk in stream_content(store, stored.content_id)]

    assert (stored.size_bytes, count("content_chunks"), max(map(len, chunks))) == (len(CONTENT), 3, CHUNK_BYTES)
    assert b"".join(chunks) == CONTENT == store.read(lambda reader: get_content(reader, stored.content_id))


def test_what_a_resource_has_already_is_kept_once(store, insert, count):
    """The same name is the same content, so that the second one is dropped."""
    first = kept(store, insert, b"x")

    store.run_blocking(lambda tx: give_content(tx, put_content(tx, b"x"), "thg-1", "first"))

    assert store.read(lambda reader: find_content(reader, "thg-1", "first")) == first
    assert (count("contents"), count("content_chunks")) == (1, 1)


def test_content_goes_with_its_resource(store, insert, count):
    """All of it, and nobody else's of the same name."""
    for resource_id in ("thg-1", "thg-2"):
        kept(store, insert, b"x", resource_id)

    store.run_blocking(lambda tx: tx.delete("thg-1"))

    assert store.read(lambda r: [find_content(r, one, "first") is None for one in ("thg-1", "thg-2")]) == [True, False]
    assert (count("contents"), count("content_chunks")) == (1, 1)


async def test_a_download_of_what_is_dropped_meanwhile_ends(store, insert):
    """It never goes on with somebody else's bytes: ids of content are not used again."""
    stored = kept(store, insert)
    chunks = stream_content(store, stored.content_id)
    await anext(chunks)

    await store.run(lambda tx: drop_content(tx, stored.content_id))
    other = kept(store, insert, resource_id="thg-2")

    assert [chunk async for chunk in chunks] == []
    assert other.content_id > stored.content_id


def test_finding_and_reading_content_scans_nothing(store):
    """At any number of archives: one search in an index each."""
    for sql in (
        "SELECT id FROM contents WHERE resource_id = ? AND name = ?",
        "SELECT bytes FROM content_chunks WHERE content_id = ? AND number = ?",
        "DELETE FROM uploads WHERE expires_at <= ?",
    ):
        bindings = (1,) * sql.count("?")
        steps = store.run_blocking(lambda tx, sql=sql, values=bindings: tx.execute(f"EXPLAIN QUERY PLAN {sql}", values))
        assert not any("SCAN" in step[3] for step in steps), sql
