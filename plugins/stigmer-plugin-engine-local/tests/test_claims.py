"""The claim check: large values are kept once, encrypted, and only as long as a run uses them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stigmer_plugin_engine_local import _claims
from stigmer_plugin_engine_local._claims import LARGE, Claims
from stigmer_plugin_engine_local.hooks import stigmer_migrations

from stigmer_core.errors import StoreError
from stigmer_core.program import ActivityDone, CallActivity, Complete, Fail, Failure, Runner, Signal, Step
from stigmer_core.store import Store
from stigmer_core.vault import RootKeys, Vault

MARK = "a mark that would show in the file "
BIG = MARK * (LARGE // len(MARK) + 1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5) | st.just("$claims"), inner),
)


class Holding:
    """Keeps what it is given, and every signal, until it is told to end or to fail."""

    def start(self, value, _now):
        return Step({"values": [value]}, [CallActivity("/1", "echo", value)])

    def advance(self, state, event):
        match event:
            case ActivityDone():
                return Step({"values": [*state["values"], event.result]}, [])
            case Signal(name="end"):
                return Step(state, [Complete(state["values"])])
            case Signal(name="fail"):
                return Step(state, [Fail(Failure("about:blank", "Asked", 500, "to"))])
            case Signal():
                return Step({"values": [*state["values"], event.payload]}, [])
        return Step(state, [])


async def echo(arguments, _context):
    """Return what was given."""
    return arguments


@pytest.fixture
def runners():
    """Return the runner of the program above."""
    return {"test": Runner("test", Holding(), activities={"echo": echo})}


@pytest.fixture
def store(tmp_path):
    """Return a store with the engine's tables."""
    with contextlib.closing(Store.open(tmp_path / "claims.db", migrations=[stigmer_migrations()])) as store:
        yield store


@pytest.fixture
def claims(tmp_path):
    """Return a claim check with a key of its own."""
    return Claims(Vault(RootKeys(tmp_path / "root.key")))


def kept(host):
    """Return how many large values are kept."""
    return host.query("SELECT count(*) FROM engine_claim")[0][0]


def idle(host, run_id):
    """Return whether a run waits for signals."""
    return host.query("SELECT 1 FROM engine_run WHERE run_id = ? AND started AND NOT busy", run_id)


def written(store):
    """Return every byte of the database and its log."""
    return b"".join(path.read_bytes() for path in store.path.parent.glob(store.path.name + "*"))


async def test_a_value_is_kept_once_however_often_it_is_used(host):
    """In the input of two runs, in results, in signals and in snapshots."""
    await host.start("r1", BIG)
    await host.start("r2", {"inside": [1, BIG]})
    for run_id in ("r1", "r2"):
        await host.until(lambda: idle(host, run_id))  # noqa: B023 - waited for right here
        await host.signal(run_id, "more", BIG)
        await host.signal(run_id, "end")

    first, second = await host.ended("r1"), await host.ended("r2")

    assert first == ("completed", [BIG, BIG, BIG], "")
    assert second == ("completed", [{"inside": [1, BIG]}, {"inside": [1, BIG]}, BIG], "")
    assert kept(host) == 1


async def test_it_is_encrypted_in_the_file(host):
    """The database and its log do not show a part of it."""
    await host.start("r1", {"inside": BIG})
    await host.until(lambda: kept(host))

    assert MARK.encode() not in written(host.store)


async def test_what_no_run_uses_is_dropped(host):
    """With the end of its last use: the result of the run, when the run is forgotten."""
    await host.start("r1", BIG)
    await host.signal("r1", "other", BIG[1:])
    await host.signal("r1", "fail")
    await host.ended("r1")

    assert kept(host) == 2  # its input and its snapshot: it may be recovered
    await host.store.run(lambda tx: drop(host, tx))
    assert kept(host) == 0


def drop(host, tx):
    """Forget every run."""
    host.engine._claims.release(tx, "r1", "input", "snapshot", "result")


async def test_a_run_goes_on_with_its_large_values_after_a_restart(host):
    """From the snapshot, the journal and the inbox."""
    await host.start("r1", BIG)
    await host.until(lambda: host.query("SELECT 1 FROM engine_run WHERE snapshot_sequence > 0"))
    await host.restart()
    await host.signal("r1", "more", BIG[2:])
    await host.restart()
    await host.signal("r1", "end")

    assert (await host.ended("r1"))[1] == [BIG, BIG, BIG[2:]]
    assert kept(host) == 2


async def test_a_value_that_was_changed_in_the_file_stops_the_run_in_words(host):
    """It is noticed, not believed."""
    await host.start("r1", BIG)
    await host.until(lambda: host.query("SELECT 1 FROM engine_run WHERE snapshot_sequence > 0"))
    await host.store.run(lambda tx: tx.execute("UPDATE engine_claim SET sealed = zeroblob(100)"))

    with pytest.raises(StoreError, match="cannot be decrypted"):
        host.store.read(lambda reader: host.engine._claims.restore(reader, state(host)))


def state(host):
    """Return the snapshot as it is in the table."""
    return host.query("SELECT state FROM engine_run")[0][0]


def test_every_value_comes_back_as_it_was(store, claims, monkeypatch):
    """Whatever is taken out of it, and whatever it looks like itself."""
    monkeypatch.setattr(_claims, "LARGE", 40)

    @settings(max_examples=200, deadline=None)
    @given(value=JSON)
    def check(value):
        text = store.run_blocking(lambda tx: claims.keep(tx, "r1", "input", value))
        back = store.read(lambda reader: claims.restore(reader, text))
        store.run_blocking(lambda tx: claims.release(tx, "r1", "input"))
        assert json.dumps(back) == json.dumps(value)
        assert not store.read(lambda reader: reader.execute("SELECT 1 FROM engine_claim"))

    check()


def test_what_stays_in_place_is_never_large(store, claims):
    """Neither one long text, nor many values that are small each."""
    value = {"text": BIG, "many": [{"n": n} for n in range(100_000)], "deep": {"er": {"list": [BIG, BIG[1:]]}}}

    text = store.run_blocking(lambda tx: claims.keep(tx, "r1", "input", value))

    assert len(text) < 1_000
    assert store.read(lambda reader: claims.restore(reader, text)) == value
