"""Group commit: many callers, one transaction, and each of them on its own."""

from __future__ import annotations

import asyncio
import threading

import pytest

from stigmer_core.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    ResourceExhaustedError,
    UnavailableError,
)
from stigmer_core.store import Store


@pytest.fixture
def hold(store):
    """Return a function that occupies the writer until the event it returns is set."""

    async def hold():
        entered, release = threading.Event(), threading.Event()
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(store.run(lambda _: (entered.set(), release.wait())))
        await loop.run_in_executor(None, entered.wait)
        return task, release

    return hold


async def test_concurrent_creates_of_one_slug_have_one_winner(store, insert):
    """The losers learn who won."""
    answers = await asyncio.gather(
        *(store.run(lambda tx, n=n: insert(tx, n, slug="same")) for n in range(50)),
        return_exceptions=True,
    )

    winners = [answer for answer in answers if not isinstance(answer, Exception)]
    losers = [answer for answer in answers if isinstance(answer, AlreadyExistsError)]
    assert (len(winners), len(losers)) == (1, 49)
    assert {error.resource_id for error in losers} == {winners[0].id}


async def test_a_function_that_raises_undoes_only_its_own(store, insert, hold):
    """Callers that are committed together share a sync, not a fate."""
    held, release = await hold()

    def fail(tx):
        insert(tx, 100)
        raise ValueError("mine")

    jobs = [store.run(lambda tx, n=n: insert(tx, n)) for n in range(3)]
    answers = asyncio.gather(jobs[0], store.run(fail), jobs[1], store.run(fail), jobs[2], return_exceptions=True)
    await asyncio.sleep(0)
    release.set()

    outcome = [type(answer).__name__ for answer in await answers]
    await held
    assert outcome == ["Row", "ValueError", "Row", "ValueError", "Row"]
    rows = store.read(lambda reader: reader.page("Agent"))
    assert [(row.id, row.sequence) for row in rows] == [("agt-2", 3), ("agt-1", 2), ("agt-0", 1)]


async def test_those_who_wait_are_committed_together(store, insert, hold):
    """One sync for a hundred callers."""
    held, release = await hold()
    syncs = store.stats.syncs
    answers = [asyncio.ensure_future(store.run(lambda tx, n=n: insert(tx, n))) for n in range(100)]
    await asyncio.sleep(0)

    release.set()
    await asyncio.gather(held, *answers)

    assert store.stats.syncs - syncs == 1


async def test_a_result_is_durable_and_visible_when_it_arrives(store, insert):
    """Read your own write, on whatever thread."""
    for number in range(20):
        await store.run(lambda tx, n=number: insert(tx, n))

        assert store.read(lambda reader, n=number: reader.get(f"agt-{n}"))
        assert await store.read_slowly(lambda reader, n=number: reader.get(f"agt-{n}"))


async def test_a_cancelled_caller_in_the_queue_writes_nothing(store, insert, hold):
    """It gave up before its turn came."""
    held, release = await hold()
    caller = asyncio.ensure_future(store.run(lambda tx: insert(tx, 1)))
    await asyncio.sleep(0)

    caller.cancel()
    await asyncio.sleep(0)
    release.set()
    await held
    await store.run(lambda _: None)

    assert store.read(lambda reader: reader.kinds()) == {}


async def test_a_caller_cancelled_in_its_turn_writes_everything(store, insert):
    """A transaction that has begun runs whole, whoever still waits for it."""
    entered, release = threading.Event(), threading.Event()

    def function(tx):
        insert(tx, 1)
        entered.set()
        release.wait()
        insert(tx, 2)

    caller = asyncio.ensure_future(store.run(function))
    await asyncio.get_running_loop().run_in_executor(None, entered.wait)
    caller.cancel()
    release.set()
    await store.run(lambda _: None)

    assert caller.cancelled()
    assert store.read(lambda reader: reader.kinds()) == {"Agent": 2}


async def test_the_queue_is_bounded(store, hold, monkeypatch):
    """Refusing is better than growing without end."""
    monkeypatch.setattr("stigmer_core.store.writer.MAX_WAITING", 3)
    held, release = await hold()
    waiting = [asyncio.ensure_future(store.run(lambda _: None)) for _ in range(3)]
    await asyncio.sleep(0)

    with pytest.raises(ResourceExhaustedError, match="3 writes are waiting"):
        await store.run(lambda _: None)

    release.set()
    await asyncio.gather(held, *waiting)


async def test_a_deferred_constraint_fails_its_own_function_only(store, insert, hold):
    """Left to the commit, it would fail the whole group."""
    store.run_blocking(
        lambda tx: tx.execute(
            "CREATE TABLE child (parent TEXT REFERENCES resources (id) DEFERRABLE INITIALLY DEFERRED) STRICT",
        ),
    )
    held, release = await hold()
    orphan = store.run(lambda tx: tx.execute("INSERT INTO child VALUES ('nobody')"))
    answers = asyncio.gather(orphan, store.run(lambda tx: insert(tx, 1)), return_exceptions=True)
    await asyncio.sleep(0)
    release.set()

    failed, row = await answers
    await held
    assert isinstance(failed, FailedPreconditionError)
    assert row.id == "agt-1"


async def test_stop_iteration_reaches_the_caller(store):
    """A future refuses it: the caller must not wait for ever."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        await store.run(lambda _: next(iter(())))


async def test_callbacks_run_after_the_commit_on_the_loop(store, insert):
    """What they announce is true, and they may touch what belongs to the loop."""
    seen = []

    def function(tx):
        tx.on_commit(lambda: seen.append((threading.get_ident(), store.read(lambda reader: reader.kinds()))))
        insert(tx, 1)

    await store.run(function)

    assert seen == [(threading.get_ident(), {"Agent": 1})]


async def test_callbacks_of_a_failed_function_do_not_run(store):
    """There was no commit."""
    seen = []

    def fail(tx):
        tx.on_commit(lambda: seen.append(1))
        raise ValueError

    with pytest.raises(ValueError):
        await store.run(fail)

    assert seen == []


async def test_a_callback_that_raises_harms_nobody(store, insert, caplog):
    """It is logged; the caller has its answer."""

    def function(tx):
        tx.on_commit(lambda: 1 / 0)
        return insert(tx, 1)

    row = await store.run(function)

    assert row.id == "agt-1"
    assert "on_commit callback failed" in caplog.text


async def test_callbacks_of_a_blocking_caller_run_on_the_loop(store):
    """Where there is a loop, the callback may belong to it."""
    await store.run(lambda _: None)
    ran = asyncio.get_running_loop().create_future()

    await asyncio.to_thread(
        store.run_blocking,
        lambda tx: tx.on_commit(lambda: ran.set_result(threading.get_ident())),
    )

    assert await ran == threading.get_ident()


def test_callbacks_without_a_loop_run_in_the_thread(store):
    """The command line has no loop."""
    seen = []

    store.run_blocking(lambda tx: tx.on_commit(lambda: seen.append(threading.get_ident())))

    assert seen == [threading.get_ident()]


def test_blocking_callers_of_many_threads_all_write(store, insert):
    """Whether a caller wrote by itself or through the queue, its rows are there."""

    def work(thread):
        for number in range(25):
            store.run_blocking(lambda tx, n=number: insert(tx, 100 * thread + n))

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    rows = store.read(lambda reader: reader.page("Agent", limit=500))
    assert [row.sequence for row in rows] == list(range(200, 0, -1))


async def test_closing_finishes_what_waits(path, insert):
    """What was accepted is written; what comes later is refused."""
    store = Store.open(path)
    answers = [asyncio.ensure_future(store.run(lambda tx, n=n: insert(tx, n))) for n in range(50)]
    await asyncio.sleep(0)

    await asyncio.to_thread(store.close)

    assert len(await asyncio.gather(*answers)) == 50
    with pytest.raises(UnavailableError, match="the store is closed"):
        await store.run(lambda _: None)


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.run_blocking(lambda _: None),
        lambda store: store.read(lambda _: None),
        lambda store: store.body("agt-1"),
        lambda store: store.backup(store.path.with_name("copy.db")),
    ],
    ids=["run_blocking", "read", "body", "backup"],
)
def test_a_closed_store_says_so(filled, use):
    """Also to a thread that has read before."""
    filled.read(lambda reader: reader.kinds())
    filled.close()
    filled.close()

    with pytest.raises(UnavailableError, match="the store is closed"):
        use(filled)


def test_an_interrupted_function_leaves_the_writer_usable(store, insert):
    """Ctrl-C in a transaction of the command line."""

    def interrupted(tx):
        insert(tx, 1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.run_blocking(interrupted)

    assert store.run_blocking(lambda tx: insert(tx, 2)).sequence == 1
