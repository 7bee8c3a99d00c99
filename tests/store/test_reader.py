"""Reading: one moment, on whatever thread, without waiting for writers."""

from __future__ import annotations

import asyncio
import threading

import pytest


def test_a_read_is_of_one_moment(filled, insert):
    """A commit in the middle is not seen."""

    def function(reader):
        before = reader.kinds()
        filled.run_blocking(lambda tx: insert(tx, 10))
        return before, reader.kinds()

    assert filled.read(function) == ({"Agent": 10}, {"Agent": 10})
    assert filled.read(lambda reader: reader.kinds()) == {"Agent": 11}


def test_a_read_in_a_read_shares_its_moment(filled):
    """A function may call another one that reads."""
    assert filled.read(lambda _: filled.read(lambda reader: reader.get("agt-1"))).slug == "agent-1"


def test_a_read_that_raises_ends_its_moment(filled, insert):
    """The next read sees what was written since."""
    with pytest.raises(ZeroDivisionError):
        filled.read(lambda reader: (reader.kinds(), 1 / 0))

    filled.run_blocking(lambda tx: insert(tx, 10))
    assert filled.read(lambda reader: reader.kinds()) == {"Agent": 11}


async def test_slow_reads_run_beside_the_loop(filled):
    """An export must not stop the server."""
    entered, release = threading.Event(), threading.Event()
    slow = asyncio.ensure_future(
        filled.read_slowly(lambda reader: (entered.set(), release.wait(), reader.kinds())[2]),
    )
    await asyncio.to_thread(entered.wait)

    assert filled.read(lambda reader: reader.kinds()) == {"Agent": 10}
    release.set()
    assert await slow == {"Agent": 10}


def test_a_reader_does_not_wait_for_the_writer(filled, insert):
    """What is not committed is not there, and nobody blocks."""

    def function(tx):
        insert(tx, 10)
        return filled.read(lambda reader: reader.kinds())

    assert filled.run_blocking(function) == {"Agent": 10}


def test_a_threads_reader_goes_with_the_thread(filled):
    """Threads come and go: their connections must not pile up."""
    for _ in range(20):
        thread = threading.Thread(target=filled.read, args=(lambda reader: reader.kinds(),))
        thread.start()
        thread.join()

    assert len(filled._readers) <= 1
