"""The cache of bodies: bounded, and never behind a commit that was answered."""

from __future__ import annotations

import asyncio
import random

from stigmer_core.store.cache import OVERHEAD_BYTES, BodyCache


def test_a_body_is_loaded_once():
    """The second read costs no SQL."""
    loads = []
    cache = BodyCache(10_000)

    bodies = [cache.get("a", lambda key: loads.append(key) or b"body") for _ in range(3)]

    assert (bodies, loads) == ([b"body"] * 3, ["a"])


def test_the_least_recently_used_goes_first():
    """The bound is in bytes, keys and bookkeeping included."""
    cache = BodyCache(3 * (100 + OVERHEAD_BYTES))
    for key in "abcad":
        cache.get(key, lambda _: bytes(100))

    reloaded = []
    for key in "acdb":
        cache.get(key, lambda key: reloaded.append(key) or bytes(100))

    assert reloaded == ["b"]
    assert cache.size_bytes <= 3 * (100 + OVERHEAD_BYTES)


def test_a_body_larger_than_the_cache_is_served_and_not_kept():
    """One huge resource does not empty the cache for good."""
    cache = BodyCache(1000)

    assert cache.get("huge", lambda _: bytes(5000)) == bytes(5000)
    assert cache.size_bytes == 0


def test_a_load_that_a_commit_overtook_is_not_kept():
    """Read before the commit, put after it: the window that makes caches lie."""
    cache = BodyCache(10_000)

    def load(key):
        cache.invalidate([key])
        return b"old"

    assert cache.get("a", load) == b"old"
    assert cache.get("a", lambda _: b"new") == b"new"


def test_absence_is_not_kept(filled, insert):
    """A resource that is created after a miss is found."""
    assert filled.body("agt-10") is None

    filled.run_blocking(lambda tx: insert(tx, 10))

    assert filled.body("agt-10") == b"body-10"


async def test_a_body_is_never_older_than_an_answered_write(filled):
    """Readers of every kind beside a writer: what was acknowledged is the least that is read."""
    answered = 0
    done = False

    def look():
        least = answered
        return int(filled.body("agt-1") or b"0") >= least

    async def keep_looking():
        while not done:
            assert await (asyncio.to_thread(look) if random.random() < 0.1 else asyncio.sleep(0, look()))

    filled.run_blocking(lambda tx: tx.update("agt-1", data="{}", body=b"0"))
    readers = [asyncio.ensure_future(keep_looking()) for _ in range(4)]
    for number in range(1, 300):
        await filled.run(lambda tx, n=number: tx.update("agt-1", data="{}", body=str(n).encode()))
        answered = number
    done = True
    await asyncio.gather(*readers)
