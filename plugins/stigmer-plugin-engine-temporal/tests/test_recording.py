"""What a worker does again after Temporal had not heard of it is shown once."""

from __future__ import annotations

import json

import pytest
from stigmer_plugin_engine_temporal import _store
from stigmer_plugin_engine_temporal._recording import GONE, StoreSink
from stigmer_plugin_engine_temporal.hooks import stigmer_migrations

from stigmer_core.errors import NotFoundError, UnavailableError
from stigmer_core.program import defect
from stigmer_core.store import Store


def step(name, moment="2026-01-01T00:00:00Z"):
    """Return an entry of a step that was made at a moment."""
    return ["publish", {"step": name, "at": moment, "durationMs": len(moment)}]


@pytest.fixture
def shown():
    """Return what was published, in order."""
    return []


@pytest.fixture
def store(tmp_path):
    """Return a store with one run."""
    store = Store.open(tmp_path / "stigmer.db", migrations=[stigmer_migrations()])
    store.run_blocking(lambda tx: _store.add_run(tx, "run", "test"))
    yield store
    store.close()


@pytest.fixture
def record(store, shown):
    """Return a function that records entries from a position on, and returns the names of the steps shown so far."""
    sink = StoreSink(store, lambda _tx, _run_id, *statuses: shown.extend(statuses))

    async def call(first, *entries):
        assert await sink.record({"run_id": "run", "first": first, "entries": json.loads(json.dumps(entries))}) == ""
        return "".join(status["step"] for status in shown)

    return call


async def test_the_same_batch_twice_is_shown_once(record):
    """Also when the moments differ, for the clock has gone on."""
    await record(1, step("a"), step("b"))

    assert await record(1, step("a", "2026-01-01T00:00:09.5+01:00"), step("b", "2026-01-01T00:00:10Z")) == "ab"


async def test_steps_in_another_order_are_shown_once(record):
    """A signal that came meanwhile goes first when the steps are made again; what followed is not shown twice."""
    await record(1, step("a"))
    await record(2, step("b"), step("c"))

    assert await record(2, step("x"), step("b")) == "abcx"
    assert await record(4, step("c"), step("d")) == "abcxd"


async def test_equal_steps_are_steps_of_their_own(record):
    """Only what was lost is matched: a loop may publish the same thing again and again."""
    await record(1, step("a"))
    await record(2, step("a"))

    assert await record(3, step("a"), step("a")) == "aaaa"


async def test_nothing_is_shown_after_the_end(record, store):
    """A lost execution may have ended the run already: how it ended stays."""
    await record(1, step("a"), ["ended", "run", "completed", "", None])
    assert await record(1, step("z"), ["ended", "run", "failed", "", {"state": 1}]) == "a"

    assert store.read(lambda reader: _store.outcome_of(reader, "run")) == "completed"
    assert store.read(lambda reader: _store.kept_of(reader, "run")) is None


async def test_children_are_known_and_end_with_their_parent(record, store):
    """So that signals to them are refused afterwards."""
    await record(1, ["child", "run/a", "test"], ["child", "run/a/b", "test"], ["child", "run/c", "test"])
    await record(4, ["ended", "run/c", "failed", "", None], ["ended", "run", "cancelled", "", None])
    found = [
        store.read(lambda reader, one=one: _store.outcome_of(reader, one)) for one in ("run/a", "run/a/b", "run/c")
    ]

    assert found == ["ended", "ended", "failed"]


UNSHOWN = defect("the step cannot be recorded")


@pytest.mark.parametrize(("error", "answer"), [(NotFoundError("x", "y"), GONE), (ValueError("odd"), UNSHOWN)])
async def test_what_cannot_be_shown_is_answered(store, error, answer):
    """The workflow parks the run; only what may pass by itself is tried again."""

    def refuse(*_call):
        raise error

    found = await StoreSink(store, refuse).record({"run_id": "run", "first": 1, "entries": [step("a")]})
    assert found == answer


async def test_what_may_pass_is_raised(store):
    """So that the local activity is tried again."""

    def refuse(*_call):
        raise UnavailableError("closed")

    with pytest.raises(UnavailableError):
        await StoreSink(store, refuse).record({"run_id": "run", "first": 1, "entries": [step("a")]})
