"""A store, the HTTP host with the lane of uploads, and what one owner does with both."""

from __future__ import annotations

import pytest

from stigmer_core.server import CallLog, HttpHost, Links
from stigmer_core.store import Store
from stigmer_core.uploads import Uploads
from stigmer_core.uploads.lane import UploadLane


@pytest.fixture
def store(tmp_path):
    """Return an open store with nothing in it."""
    store = Store.open(tmp_path / "stigmer.db")
    yield store
    store.close()


@pytest.fixture
async def links(store):
    """Return what makes URLs of an HTTP host that listens."""
    links = Links("secret")
    host = HttpHost(CallLog(), routes=[UploadLane(store, links).route()])
    links.serve_at(await host.start("127.0.0.1:0"))
    yield links
    await host.stop()


@pytest.fixture
def uploads(store, links):
    """Return the uploads of one owner."""
    return Uploads("Thing", store, links, most_bytes=20_000_000)


@pytest.fixture
def count(store):
    """Return a function that counts the rows of a table."""
    return lambda table: store.read(lambda reader: reader.execute(f"SELECT count(*) FROM {table}"))[0][0]


@pytest.fixture
def insert():
    """Return a function that makes a resource, in a transaction."""

    def insert(tx, resource_id):
        tx.insert(kind="Thing", resource_id=resource_id, org="local", slug=resource_id, data="{}", body=b"")

    return insert
