"""Many watchers: each hears everything in order, and they share the event loop with other calls."""

from __future__ import annotations

import asyncio
import contextlib

from stigmer_core.store.changes import TOLD_AT_ONCE

WATCHERS, CHANGES = 5 * TOLD_AT_ONCE + 1, 7


async def heard(watcher):
    """Return the revisions of the first changes that a watcher is told of."""
    revisions = []
    while len(revisions) < CHANGES:
        revisions += [change.revision for change in await watcher.take()]
    return revisions


async def test_each_of_many_watchers_hears_everything_in_order(filled):
    """Also of what is committed while others are still being told of what came before."""
    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(filled.watch(kind="Agent")) for _ in range(WATCHERS)]
        hearing = asyncio.gather(*map(heard, watchers))
        for number in range(CHANGES):
            await filled.run(lambda tx, n=number: tx.update(f"agt-{n}", data="{}", body=b""))
        told = await asyncio.wait_for(hearing, 10)

    assert told == [list(range(told[0][0], told[0][0] + CHANGES))] * WATCHERS


async def test_others_have_their_turn_while_many_are_told(filled):
    """A change that wakes a hundred watchers leaves the event loop to other calls before the last of them is woken."""
    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(filled.watch(kind="Agent")) for _ in range(WATCHERS)]
        taking = [asyncio.ensure_future(watcher.take()) for watcher in watchers]
        await filled.run(lambda tx: tx.update("agt-1", data="{}", body=b""))
        woken = []
        while len(woken) < WATCHERS:
            await asyncio.sleep(0)
            woken = [task for task in taking if task.done()]
            assert len(woken) == WATCHERS or len(woken) % TOLD_AT_ONCE == 0


async def work(watcher):
    """Take a change and be busy with it for many turns' time, as one who encodes and writes it."""
    await watcher.take()
    return sum(range(100_000))


async def test_others_have_as_many_turns_as_watchers_are_busy(filled):
    """However long those take who are told: the rest after them is measured by it."""
    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(filled.watch(kind="Agent")) for _ in range(WATCHERS)]
        working = asyncio.gather(*map(work, watchers))
        await filled.run(lambda tx: tx.update("agt-1", data="{}", body=b""))
        turns = 0
        while not working.done():
            await asyncio.sleep(0)
            turns += 1

    assert turns > WATCHERS
