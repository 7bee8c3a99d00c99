"""Places for uploads: for one owner and organisation, for an hour, used once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from stigmer_core.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from stigmer_core.server import Links
from stigmer_core.uploads import Uploads, drop_content, get_content, give_content
from stigmer_core.uploads.contents import add_chunk
from stigmer_core.uploads.places import begin_upload, drop_expired, end_upload

JUST_BEFORE, JUST_AFTER = timedelta(minutes=59), timedelta(minutes=61)


async def filled(uploads, store, content=b"x", *, complete=True):
    """Return the id of an upload with content, as the lane makes it."""
    offer = await uploads.offer("local", len(content))

    def receive(tx):
        content_id, _ = begin_upload(tx, offer.upload_id)
        add_chunk(tx, content_id, 0, content)
        if complete:
            end_upload(tx, offer.upload_id, content_id, len(content))

    await store.run(receive)
    return offer.upload_id


async def test_an_upload_is_read_and_taken_once(uploads, store, insert):
    """Its content becomes a resource's without being copied."""
    upload_id = await filled(uploads, store, b"content")

    def take(tx):
        insert(tx, "thg-1")
        content_id = uploads.take(tx, upload_id, "local")
        give_content(tx, content_id, "thg-1", "first")
        return content_id

    assert await uploads.read(upload_id, "local") == b"content"
    content_id = await store.run(take)

    assert store.read(lambda reader: get_content(reader, content_id)) == b"content"
    with pytest.raises(FailedPreconditionError, match="used already"):
        await uploads.read(upload_id, "local")


async def test_of_concurrent_uses_one_wins(uploads, store):
    """The others find it used."""
    upload_id = await filled(uploads, store)

    def use(tx):
        drop_content(tx, uploads.take(tx, upload_id, "local"))

    results = await asyncio.gather(*(store.run(use) for _ in range(5)), return_exceptions=True)

    assert sorted(type(one).__name__ for one in results) == ["FailedPreconditionError"] * 4 + ["NoneType"]


async def test_a_use_that_fails_leaves_the_upload(uploads, store):
    """Both are one transaction."""
    upload_id = await filled(uploads, store)

    def fail(tx):
        uploads.take(tx, upload_id, "local")
        raise InvalidArgumentError("no good after all")

    with pytest.raises(InvalidArgumentError):
        await store.run(fail)

    assert await uploads.read(upload_id, "local") == b"x"


async def test_an_upload_that_cannot_be_used_is_refused_with_its_reason(uploads, store, links):
    """What is missing is not found; a wrong state or organisation is a failed precondition."""
    half, mine = await filled(uploads, store, complete=False), await filled(uploads, store)
    somebody = Uploads("Other", store, links, most_bytes=1)
    refused = [
        (uploads.read("upl_nobody", "local"), NotFoundError, "no upload 'upl_nobody'"),
        (somebody.read(mine, "local"), NotFoundError, "no upload"),
        (uploads.read(half, "local"), FailedPreconditionError, "nothing has been uploaded"),
        (uploads.read(mine, "other"), FailedPreconditionError, "made for org 'local', not 'other'"),
    ]

    for reading, error, reason in refused:
        with pytest.raises(error, match=reason):
            await reading


async def test_expired_uploads_are_dropped_with_their_bytes(uploads, store, count):
    """Open, half there or complete, each an hour after it was opened or filled."""
    ids = [await filled(uploads, store), await filled(uploads, store, complete=False)]
    ids.append((await uploads.offer("local", 1)).upload_id)

    dropped = await store.run(lambda tx: [drop_expired(tx, tx.now + wait) for wait in (JUST_BEFORE, JUST_AFTER)])

    assert dropped == [0, 3]
    assert [count(table) for table in ("uploads", "contents", "content_chunks")] == [0, 0, 0]
    for upload_id in ids:
        with pytest.raises(NotFoundError):
            await uploads.read(upload_id, "local")


async def test_an_expired_upload_is_not_found_before_it_is_dropped(uploads, store):
    """Its own time counts, not that of the sweep."""
    upload_id = await filled(uploads, store)
    now = int(datetime.now(UTC).timestamp())

    await store.run(lambda tx: tx.execute("UPDATE uploads SET expires_at = ?", (now,)))

    with pytest.raises(NotFoundError, match="or it has expired"):
        await uploads.read(upload_id, "local")


@pytest.mark.parametrize("size", [-1, 0, 20_000_001])
async def test_an_upload_of_an_impossible_size_is_refused_at_once(uploads, count, size):
    """Before any byte moves."""
    with pytest.raises(InvalidArgumentError, match="1 to 20000000 are taken"):
        await uploads.offer("local", size)

    assert count("uploads") == 0


async def test_without_an_http_host_there_are_no_uploads(store, count):
    """The refusal says how to start one; nothing is written."""
    with pytest.raises(FailedPreconditionError, match="--http"):
        await Uploads("Thing", store, Links("secret"), most_bytes=1).offer("local", 1)

    assert count("uploads") == 0
