"""Uploads over HTTP, with real sockets, broken connections and a crash."""

from __future__ import annotations

import asyncio
import http.client
import random
import sqlite3
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from stigmer_core.errors import FailedPreconditionError
from stigmer_core.home import Home
from stigmer_core.server import Links
from stigmer_core.store import Store
from stigmer_core.testing.server import ServerProcess
from stigmer_core.uploads import Uploads
from stigmer_core.uploads.contents import CHUNK_BYTES
from stigmer_core.uploads.places import drop_expired

CONTENT = random.Random(1).randbytes(3 * CHUNK_BYTES + 1)


def connect(url, address=""):
    """Return a connection to where a URL leads, or the server has gone, and the URL's path and query."""
    parts = urlsplit(url)
    return http.client.HTTPConnection(address or parts.netloc, timeout=60), f"{parts.path}?{parts.query}"


def send(url, body, *, method="PUT", address="", chunked=False):
    """Return the status of a request."""
    connection, path = connect(url, address)
    try:
        connection.request(method, path, body, encode_chunked=chunked)
        return connection.getresponse().status
    finally:
        connection.close()


async def put(url, body, **options):
    return await asyncio.to_thread(send, url, body, **options)


def begin(url, sent, address=""):
    """Return a connection over which the beginning of an upload of `CONTENT` has gone."""
    connection, path = connect(url, address)
    connection.putrequest("PUT", path)
    connection.putheader("Content-Length", str(len(CONTENT)))
    connection.endheaders(sent)
    return connection


def arrived(path):
    """Return once a chunk of an upload is in the database."""
    counted(path, "content_chunks", lambda number: number > 0)


def counted(path, table, enough):
    """Count the rows of a table until they are as wanted."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    while not enough(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]):
        pass
    connection.close()


def sent_until_free(url, body):
    """Send until the server has noticed that the other connection is gone, and return the status."""
    while (status := send(url, body)) == 409:
        pass
    return status


async def test_an_upload_of_many_chunks_is_whole(uploads, count):
    """In the order it came, however the network cut it."""
    offer = await uploads.offer("local", len(CONTENT))

    assert (await put(offer.url, CONTENT), offer.lasts) == (200, timedelta(hours=1))

    assert await uploads.read(offer.upload_id, "local") == CONTENT
    assert count("content_chunks") == 4


async def test_a_url_takes_one_upload(uploads, store):
    """Another is a conflict, before and after the first one is used, and changes nothing of it."""
    offer = await uploads.offer("local", 4)

    statuses = [await put(offer.url, body) for body in (b"mine", b"else")]
    assert await uploads.read(offer.upload_id, "local") == b"mine"
    await store.run(lambda tx: uploads.take(tx, offer.upload_id, "local"))
    statuses.append(await put(offer.url, b"else"))

    assert statuses == [200, 409, 409]


@pytest.mark.parametrize(("difference", "status"), [(1, 413), (-1, 400)])
@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
async def test_an_upload_of_another_size_does_not_count(uploads, count, difference, status, chunked):
    """Nothing of it is kept, and the URL takes the right bytes afterwards."""
    offer = await uploads.offer("local", 1000)
    content = b"x" * (1000 + difference)

    first = await put(offer.url, iter([content]) if chunked else content, chunked=chunked)

    assert (first, count("contents"), count("content_chunks")) == (status, 0, 0)
    assert await put(offer.url, b"x" * 1000) == 200


async def test_an_upload_that_breaks_off_can_be_made_again(uploads):
    """It does not count, and the URL is free once the server has noticed."""
    offer = await uploads.offer("local", len(CONTENT))

    (await asyncio.to_thread(begin, offer.url, CONTENT[: 2 * CHUNK_BYTES])).close()
    with pytest.raises(FailedPreconditionError, match="nothing has been uploaded"):
        await uploads.read(offer.upload_id, "local")

    assert await asyncio.to_thread(sent_until_free, offer.url, CONTENT) == 200
    assert await uploads.read(offer.upload_id, "local") == CONTENT


async def test_a_second_upload_waits_for_no_first(uploads, store):
    """While one is under way, another to the same URL is a conflict; the first one counts."""
    offer = await uploads.offer("local", len(CONTENT))
    first = await asyncio.to_thread(begin, offer.url, CONTENT[:CHUNK_BYTES])
    await asyncio.to_thread(arrived, store.path)

    second = await put(offer.url, CONTENT)
    first.send(CONTENT[CHUNK_BYTES:])

    assert (second, (await asyncio.to_thread(first.getresponse)).status) == (409, 200)
    first.close()


async def test_an_upload_that_expires_while_it_comes_in_does_not_count(uploads, store, count):
    """So that a slow sender holds nothing for longer than an hour."""
    offer = await uploads.offer("local", len(CONTENT))
    slow = await asyncio.to_thread(begin, offer.url, CONTENT[: 2 * CHUNK_BYTES])
    await asyncio.to_thread(arrived, store.path)

    await store.run(lambda tx: drop_expired(tx, tx.now + timedelta(hours=2)))
    slow.send(CONTENT[2 * CHUNK_BYTES :])

    assert (await asyncio.to_thread(slow.getresponse)).status == 410
    assert [count(table) for table in ("uploads", "contents", "content_chunks")] == [0, 0, 0]
    slow.close()


async def test_only_a_good_signature_opens_a_place(uploads, links):
    """Not none, not another place's, not a changed one, and not one that has expired."""
    mine, other = await uploads.offer("local", 1), await uploads.offer("local", 1)
    path = urlsplit(mine.url).path
    urls = [
        mine.url.partition("?")[0],
        other.url.replace(other.upload_id, mine.upload_id),
        mine.url + "0",
        links.signed(path, lasts=-timedelta(1)),
    ]

    assert [await put(url, b"x") for url in urls] == [403] * 4
    assert await put(links.signed("/uploads/upl_nobody", lasts=timedelta(1)), b"x") == 404
    assert [await put(mine.url, b"x", method=method) for method in ("GET", "POST", "DELETE")] == [405] * 3


async def test_a_crash_leaves_nothing_half_there(home):
    """After the next start of the server the same URL takes the whole of it."""
    store = Store.open(home / "stigmer.db")
    offer = await over(store, home).offer("local", len(CONTENT))
    store.close()
    with ServerProcess(home) as server:
        first = begin(offer.url, CONTENT[: 2 * CHUNK_BYTES], address=server.description["http"])
        arrived(store.path)
        server.kill()
        first.close()

        assert send(offer.url, CONTENT, address=server.start().description["http"]) == 200

        server.stop()
    store = Store.open(home / "stigmer.db")
    assert await over(store, home).read(offer.upload_id, "local") == CONTENT
    store.close()


async def test_a_server_drops_what_has_expired(home):
    """From its start on, whoever offered it."""
    store = Store.open(home / "stigmer.db")
    await over(store, home).offer("local", 1)
    store.run_blocking(lambda tx: tx.execute("UPDATE uploads SET expires_at = 0"))
    store.close()

    with ServerProcess(home):
        counted(store.path, "uploads", lambda number: number == 0)


def over(store, folder):
    """Return the uploads of an owner over a home whose server does not run."""
    home = Home.acquire(folder)
    links = Links(home.token())
    links.serve_at("127.0.0.1:1")
    home.release()
    return Uploads("Thing", store, links, most_bytes=20_000_000)
