"""What one transaction can do to resources, and what it refuses."""

from __future__ import annotations

import json

import pytest

from stigmer_core.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    StoreError,
)
from stigmer_core.store import SearchText


def test_an_inserted_resource_is_read_back(store, insert):
    """Everything that went in comes out, with its place in both orders."""
    row = store.run_blocking(lambda tx: insert(tx, 1))

    assert store.read(lambda reader: reader.get("agt-1")) == row
    assert row == ("agt-1", "Agent", "local", "agent-1", b"body-1", 1, 1)
    assert json.loads(store.read(lambda reader: reader.data("agt-1"))) == {"number": 1}


def test_a_taken_slug_names_its_holder(filled, insert):
    """The caller of `apply` goes on with the winner."""
    with pytest.raises(AlreadyExistsError) as caught:
        filled.run_blocking(lambda tx: insert(tx, 11, slug="agent-3"))

    assert caught.value.resource_id == "agt-3"


def test_a_taken_id_names_its_holder(filled, insert):
    """An id is taken across kinds and organisations."""
    with pytest.raises(AlreadyExistsError) as caught:
        filled.run_blocking(lambda tx: insert(tx, 3, kind="Skill", org="other"))

    assert caught.value.resource_id == "agt-3"


@pytest.mark.parametrize("fields", [{"kind": "Skill"}, {"org": "other"}])
def test_a_slug_is_taken_only_in_its_kind_and_organisation(filled, insert, fields):
    """Two organisations may use one name."""
    row = filled.run_blocking(lambda tx: insert(tx, 11, slug="agent-3", **fields))

    assert row.slug == "agent-3"


def test_a_kind_without_unique_slugs_repeats_them(store, insert):
    """`find` returns the newest one."""
    for number in (1, 2):
        store.run_blocking(lambda tx, number=number: insert(tx, number, slug="run", unique_slug=False))

    assert store.read(lambda reader: reader.find("Agent", "local", "run")).id == "agt-2"


def test_json_that_is_none_is_refused(store, insert):
    """The text column is what people and SQL read: it must parse."""
    with pytest.raises(InvalidArgumentError):
        store.run_blocking(lambda tx: insert(tx, 1, data="{"))


def test_an_update_replaces_content_and_keeps_the_place(filled):
    """`sequence` is the order of creation, `revision` the order of writes."""
    row = filled.run_blocking(lambda tx: tx.update("agt-3", data="{}", body=b"new"))

    assert (row.sequence, row.revision, row.body) == (4, 11, b"new")
    assert filled.read(lambda reader: reader.get("agt-3")) == row


def test_an_update_of_another_revision_conflicts(filled):
    """Optimistic concurrency: nothing is written."""
    with pytest.raises(ConflictError):
        filled.run_blocking(lambda tx: tx.update("agt-3", data="{}", body=b"new", expected_revision=3))

    assert filled.read(lambda reader: reader.get("agt-3")).body == b"body-3"


@pytest.mark.parametrize(
    "function",
    [
        lambda tx: tx.update("agt-99", data="{}", body=b""),
        lambda tx: tx.delete("agt-99"),
        lambda tx: tx.data("agt-99"),
        lambda tx: tx.tag_version("agt-99", "hash", "latest"),
    ],
    ids=["update", "delete", "data", "tag_version"],
)
def test_a_missing_resource_is_not_found(filled, function):
    """The error carries what was looked for."""
    with pytest.raises(NotFoundError) as caught:
        filled.run_blocking(function)

    assert "agt-99" in caught.value.message


def test_a_deletion_takes_everything_along(filled):
    """No index entry, search entry, version or event is left of it."""
    text = SearchText(name="findable")

    def fill(tx):
        tx.update("agt-3", data="{}", body=b"", search=text, indexes={"spec.model": "m"}, labels={"team": "a"})
        tx.append_event("agt-3", type="made", body=b"")

    filled.run_blocking(fill)
    filled.run_blocking(lambda tx: tx.delete("agt-3"))

    left = [
        filled.read(lambda reader, sql=sql: reader.execute(sql))
        for sql in (
            "SELECT * FROM indexes",
            "SELECT * FROM events",
            "SELECT * FROM search WHERE search MATCH 'findable'",
        )
    ]
    assert left == [[], [], []]


def test_the_counters_survive_a_deletion(store, insert, path):
    """A number that was given out never names another thing, also after the newest one is gone and a restart."""
    store.run_blocking(lambda tx: insert(tx, 1))
    store.run_blocking(lambda tx: tx.delete("agt-1"))
    store.close()

    again = type(store).open(path)
    row = again.run_blocking(lambda tx: insert(tx, 1))

    assert (row.sequence, row.revision) == (2, 3)
    again.close()


def test_what_was_remembered_is_recalled(store):
    """The answer to a repeated request."""
    store.run_blocking(lambda tx: tx.remember("request-1", b"answer"))

    assert store.read(lambda reader: reader.recall("request-1")) == b"answer"
    assert store.read(lambda reader: reader.recall("request-2")) is None


def test_a_key_is_remembered_once(store):
    """The second answer to one request is somebody's mistake, not an overwrite."""
    store.run_blocking(lambda tx: tx.remember("request-1", b"answer"))

    with pytest.raises(AlreadyExistsError):
        store.run_blocking(lambda tx: tx.remember("request-1", b"another"))


def test_the_oldest_answers_are_dropped(store, monkeypatch):
    """The table is bounded by count, so that a clock that jumps drops nothing."""
    monkeypatch.setattr("stigmer_core.store.transaction.REMEMBERED_ANSWERS", 3)

    for number in range(5):
        store.run_blocking(lambda tx, number=number: tx.remember(f"request-{number}", b""))

    recalled = [store.read(lambda reader, n=n: reader.recall(f"request-{n}")) for n in range(5)]
    assert recalled == [None, None, b"", b"", b""]


def test_a_kept_transaction_is_refused(store):
    """A transaction that outlives its function would write into somebody else's."""
    kept = store.run_blocking(lambda tx: tx)

    with pytest.raises(StoreError, match="the transaction is over"):
        kept.get("agt-1")


@pytest.mark.parametrize("sql", ["COMMIT", "ROLLBACK", "BEGIN", "SAVEPOINT job", "ATTACH ':memory:' AS other"])
def test_a_function_cannot_end_the_transaction(store, insert, sql):
    """The group's transaction is not one function's to end; what the function did is undone."""

    def function(tx):
        insert(tx, 1)
        tx.execute(f"SELECT 1; {sql}")

    with pytest.raises(StoreError, match="must not begin, end or attach"):
        store.run_blocking(function)

    assert store.read(lambda reader: reader.kinds()) == {}


def test_a_transaction_in_a_transaction_is_refused(store):
    """It would wait for itself."""
    with pytest.raises(StoreError, match="must not start another transaction"):
        store.run_blocking(lambda _: store.run_blocking(lambda _: None))


def test_now_is_the_transactions_own_time(filled):
    """One moment for all it writes, with a zone."""
    now = filled.run_blocking(lambda tx: (tx.now, tx.append_event("stream", type="t", body=b""))[0])

    assert filled.read(lambda reader: reader.events("stream"))[0].created_at == now
    assert now.utcoffset().total_seconds() == 0
