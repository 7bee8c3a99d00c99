"""Watching: every change, in order, resumable; and a slow client is told so, never left with a gap."""

from __future__ import annotations

import asyncio
import json

import grpc
import pytest

from stigmer_core.api.v1 import resources_pb2 as pb
from stigmer_core.store import changes
from stigmer_core.testing.installation import installation

SERVICE = "stigmer.core.v1.ResourceService"
ADDED, CHANGED, DELETED, SYNCED = (pb.WatchEvent.Type.Value(name) for name in ("ADDED", "CHANGED", "DELETED", "SYNCED"))


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path / "home") as api:
        yield api


async def apply(api, name, description="", org="local"):
    document = {
        "apiVersion": "agentic.stigmer.ai/v1",
        "kind": "Session",
        "metadata": {"name": name, "org": org},
        "spec": {"subject": description},
    }
    return (await api.call(SERVICE, "Apply", pb.ApplyRequest(json=json.dumps(document)))).document


async def delete(api, name):
    return await api.call(SERVICE, "Delete", pb.DeleteRequest(kind="Session", name=name))


def watch(api, after=0, **fields):
    return api.stream(SERVICE, "Watch", pb.WatchRequest(**{"kind": "Session", **fields}, after_revision=after))


async def read(stream, count):
    return [await stream.read() for _ in range(count)]


async def until_synced(stream):
    """Return the events of the present state, and the revision it is of."""
    events = []
    while True:
        event = await stream.read()
        if event.type == SYNCED:
            return events, event.revision
        events.append(event)


def seen(events):
    return [(event.type, event.document.slug) for event in events]


async def test_every_change_comes_in_order(api):
    """Also several to one resource: each with its own state and revision."""
    stream = watch(api)
    await until_synced(stream)
    await apply(api, "one", "a")
    await apply(api, "one", "b")
    await apply(api, "two")
    await delete(api, "one")

    events = await read(stream, 4)

    assert seen(events) == [(ADDED, "one"), (CHANGED, "one"), (ADDED, "two"), (DELETED, "one")]
    assert [json.loads(event.document.json)["spec"]["subject"] for event in events[:2]] == ["a", "b"]
    assert [event.revision for event in events] == sorted({event.revision for event in events})
    assert events[3].document.json == ""


async def test_a_watch_resumes_without_a_gap(api):
    """What was written meanwhile comes to its last state; what was known already does not come again."""
    await apply(api, "known")
    _, revision = await until_synced(watch(api))
    await apply(api, "new", "a")
    await apply(api, "new", "b")
    await apply(api, "known", "changed")
    await apply(api, "gone")
    await delete(api, "gone")

    events, _ = await until_synced(watch(api, after=revision))

    assert seen(events) == [(ADDED, "new"), (CHANGED, "known"), (DELETED, "gone")]
    assert json.loads(events[0].document.json)["spec"]["subject"] == "b"


@pytest.mark.parametrize("cut", range(6))
async def test_a_client_that_comes_back_anywhere_has_everything(api, cut):
    """Cut after any event and resumed from it, the client's picture is the server's."""
    stream, known = watch(api), {}
    _, revision = await until_synced(stream)
    steps = [("aa", "1"), ("bb", "1"), ("aa", "2"), ("bb", None), ("cc", "1"), ("cc", "2")]
    for name, subject in steps:
        await (apply(api, name, subject) if subject else delete(api, name))

    for event in await read(stream, cut):
        revision = take(known, event)
    stream.cancel()
    for event in (await until_synced(watch(api, after=revision)))[0]:
        take(known, event)

    assert known == {"aa": "2", "cc": "2"}


def take(known, event):
    if event.type == DELETED:
        known.pop(event.document.slug, None)
    else:
        known[event.document.slug] = json.loads(event.document.json)["spec"]["subject"]
    return event.revision


async def test_one_resource_is_watched_until_it_is_deleted(api):
    """By its slug; others do not count, and the stream ends by itself."""
    await apply(api, "one")
    stream = watch(api, name="one")
    await until_synced(stream)
    await apply(api, "other")
    await apply(api, "one", "changed")
    await delete(api, "one")

    events = [event async for event in stream]

    assert seen(events) == [(CHANGED, "one"), (DELETED, "one")]


async def test_an_organization_and_a_kind_narrow_the_watch(api):
    """Without a kind, every kind."""
    streams = [watch(api, org="other"), watch(api, kind="Agent"), watch(api, kind="")]
    for stream in streams:
        await until_synced(stream)
    await apply(api, "here")
    await apply(api, "there", org="other")

    assert seen([await streams[0].read()]) == [(ADDED, "there")]
    assert seen(await read(streams[2], 2)) == [(ADDED, "here"), (ADDED, "there")]
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(streams[1].read(), 0.1)


async def test_what_is_not_there_is_not_watched(api):
    """NOT_FOUND."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await watch(api, name="nothing").read()

    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_slow_client_is_told_where_to_resume(api, monkeypatch):
    """RESOURCE_EXHAUSTED with the revision; from there on nothing is missing."""
    monkeypatch.setattr(changes, "MAX_QUEUED", 5)
    stream = watch(api)
    await until_synced(stream)
    first = await apply(api, "item-0")
    await stream.read()
    for number in range(1, 10):
        await apply(api, f"item-{number}")

    with pytest.raises(grpc.aio.AioRpcError, match=f"resume after revision {first.revision}") as caught:
        await read(stream, 10)
    events, _ = await until_synced(watch(api, after=first.revision))

    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert [event.document.slug for event in events] == [f"item-{number}" for number in range(1, 10)]


async def test_a_position_that_is_not_kept_any_more_is_refused(api, monkeypatch):
    """OUT_OF_RANGE says to list again; the latest changes are still there to resume from."""
    monkeypatch.setattr("stigmer_core.store.transaction.KEPT_CHANGES", 5)
    first = await apply(api, "item-0")
    documents = [await apply(api, f"item-{number}") for number in range(1, 9)]

    with pytest.raises(grpc.aio.AioRpcError, match="list, then watch") as caught:
        await watch(api, after=first.revision).read()
    events, _ = await until_synced(watch(api, after=documents[-3].revision))

    assert caught.value.code() == grpc.StatusCode.OUT_OF_RANGE
    assert [event.document.slug for event in events] == ["item-7", "item-8"]


async def test_a_list_and_a_watch_meet(api):
    """Watching from a page's revision misses nothing that the page does not show."""
    await apply(api, "before")
    page = await api.call(SERVICE, "List", pb.ListRequest(kind="Session"))
    await apply(api, "after")

    events, _ = await until_synced(watch(api, after=page.revision))

    assert [item.slug for item in page.items] == ["before"]
    assert seen(events) == [(ADDED, "after")]


async def test_what_was_rolled_back_is_not_told(api):
    """A dry run writes, and is undone; a failed write too."""
    stream = watch(api)
    await until_synced(stream)
    document = '{"apiVersion":"agentic.stigmer.ai/v1","kind":"Session","metadata":{"name":"dry"}}'
    await api.call(SERVICE, "Apply", pb.ApplyRequest(json=document, dry_run=True))
    await apply(api, "real")

    assert seen([await stream.read()]) == [(ADDED, "real")]


async def test_nothing_is_left_of_a_watch_that_was_left(api):
    """Neither a queue nor a place among the watchers."""
    streams = [watch(api) for _ in range(10)]
    for stream in streams:
        await until_synced(stream)
    assert api.app.store.watchers == 10

    for stream in streams:
        stream.cancel()

    async with asyncio.timeout(30):
        while api.app.store.watchers:  # noqa: ASYNC110 - a handler ends within a few turns of the loop, and tells nobody
            await asyncio.sleep(0)
