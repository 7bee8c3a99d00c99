"""Subscriptions: woken by every commit that touches their key, once for many, never too late."""

from __future__ import annotations

import asyncio

import pytest

from stigmer_core.errors import ResourceExhaustedError


async def woken(subscription):
    """Return whether the subscription is woken now."""
    try:
        await asyncio.wait_for(subscription.wait(), 0.05)
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("key", ["agt-1", "kind:Agent"])
async def test_a_commit_wakes_who_waits_for_it(filled, key):
    """By the resource's id, or its kind."""
    with filled.subscribe(key) as subscription:
        waiting = asyncio.ensure_future(subscription.wait())
        await asyncio.sleep(0)

        await filled.run(lambda tx: tx.update("agt-1", data="{}", body=b""))

        await asyncio.wait_for(waiting, 5)


async def test_an_event_wakes_who_waits_for_its_stream(filled):
    """The stream's name is the key."""
    with filled.subscribe("stream") as subscription:
        await filled.run(lambda tx: tx.append_event("stream", type="t", body=b""))

        assert await woken(subscription)


async def test_a_plugins_own_table_wakes_by_touch(filled):
    """`touch` announces what the store cannot know."""
    with filled.subscribe("journal:run-1") as subscription:
        await filled.run(lambda tx: tx.touch("journal:run-1"))

        assert await woken(subscription)


async def test_another_key_sleeps_on(filled):
    """So do waiters for what was undone."""

    def fail(tx):
        tx.update("agt-2", data="{}", body=b"")
        raise ValueError

    with filled.subscribe("agt-2") as subscription:
        await filled.run(lambda tx: tx.update("agt-1", data="{}", body=b""))
        with pytest.raises(ValueError):
            await filled.run(fail)

        assert not await woken(subscription)


async def test_many_commits_wake_once(filled):
    """A slow waiter costs a flag, not a queue."""
    with filled.subscribe("agt-1") as subscription:
        for _ in range(100):
            await filled.run(lambda tx: tx.update("agt-1", data="{}", body=b""))

        assert [await woken(subscription), await woken(subscription)] == [True, False]


async def test_a_commit_before_the_wait_is_not_lost(filled):
    """Subscribe, read, wait: whatever came in between wakes at once."""
    with filled.subscribe("agt-1") as subscription:
        await filled.run(lambda tx: tx.update("agt-1", data="{}", body=b""))

        await asyncio.wait_for(subscription.wait(), 5)


async def test_a_cancelled_wait_loses_nothing(filled):
    """A time-out, and then the commit: the next wait returns."""
    with filled.subscribe("agt-1") as subscription:
        assert not await woken(subscription)
        await filled.run(lambda tx: tx.update("agt-1", data="{}", body=b""))

        assert await woken(subscription)


async def test_a_blocking_writer_wakes_the_loop(filled):
    """Also from a thread that has no loop."""
    with filled.subscribe("agt-1") as subscription:
        await asyncio.to_thread(filled.run_blocking, lambda tx: tx.update("agt-1", data="{}", body=b""))

        await asyncio.wait_for(subscription.wait(), 5)


async def test_a_follower_sees_every_event(store):
    """A reader that sleeps between its reads, beside a fast writer: nothing is missed, nothing twice."""
    seen = []

    async def follow():
        with store.subscribe("s") as subscription:
            while len(seen) < 500:
                events = store.read(lambda reader: reader.events("s", after=len(seen), limit=50))
                seen.extend(event.sequence for event in events)
                if not events:
                    await subscription.wait()

    follower = asyncio.ensure_future(follow())
    for _ in range(100):
        await asyncio.gather(*(store.run(lambda tx: tx.append_event("s", type="t", body=b"")) for _ in range(5)))
    await asyncio.wait_for(follower, 10)

    assert seen == list(range(1, 501))


async def test_a_closed_subscription_is_forgotten(store):
    """Watchers come and go for ever."""
    for _ in range(3):
        with store.subscribe("a") as subscription:
            subscription.close()

    assert store._feed._by_key == {}


async def test_subscriptions_are_bounded(store, monkeypatch):
    """Refusing is better than growing without end."""
    monkeypatch.setattr("stigmer_core.store.feed.MAX_SUBSCRIPTIONS", 1)
    store.subscribe("a")

    with pytest.raises(ResourceExhaustedError):
        store.subscribe("b")
