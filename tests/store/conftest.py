"""A real database file for each test, and one way to put an agent into it."""

from __future__ import annotations

import json

import pytest

from stigmer_core.store import Store


@pytest.fixture
def path(tmp_path):
    """Return where the test's database is."""
    return tmp_path / "stigmer.db"


@pytest.fixture
def store(path):
    """Return an open store with nothing in it."""
    store = Store.open(path)
    yield store
    store.close()


@pytest.fixture
def insert():
    """Return a function that inserts agent `number` in a transaction; fields override what it makes up."""

    def insert(tx, number, **fields):
        made_up = {
            "kind": "Agent",
            "resource_id": f"agt-{number}",
            "org": "local",
            "slug": f"agent-{number}",
            "data": json.dumps({"number": number}),
            "body": f"body-{number}".encode(),
        }
        return tx.insert(**(made_up | fields))

    return insert


@pytest.fixture
def filled(store, insert):
    """Return a store with the agents 0 to 9."""
    store.run_blocking(lambda tx: [insert(tx, number) for number in range(10)])
    return store
