"""Events: ordered in their stream, resumable, and harmless to append twice."""

from __future__ import annotations

import asyncio


def append(stream, text, sequence=None):
    """Return a function that appends a text."""
    return lambda tx: tx.append_event(stream, type="text", body=text.encode(), sequence=sequence)


def texts(store, stream, **arguments):
    """Return the texts of a stream."""
    return [event.body.decode() for event in store.read(lambda reader: reader.events(stream, **arguments))]


def test_events_count_from_one_in_each_stream(store):
    """Streams do not share numbers."""
    given = [store.run_blocking(append(stream, "x")) for stream in ("a", "a", "b", "a")]

    assert given == [1, 2, 1, 3]


def test_a_stream_is_read_from_where_one_was(store):
    """`after` is the last sequence that was seen; `limit` bounds one answer."""
    for text in "abcdef":
        store.run_blocking(append("s", text))

    assert texts(store, "s", after=2, limit=3) == ["c", "d", "e"]
    assert texts(store, "s", after=6) == []


def test_an_event_at_a_given_place_is_appended_once(store):
    """A sender that repeats itself after a lost answer changes nothing."""
    given = [store.run_blocking(append("s", text, sequence=7)) for text in ("first", "second")]

    assert given == [7, 7]
    assert texts(store, "s") == ["first"]
    assert store.run_blocking(append("s", "next")) == 8


async def test_concurrent_appends_are_contiguous(store):
    """A hundred callers at once: no number twice, none left out."""
    given = await asyncio.gather(*(store.run(append("s", str(number))) for number in range(100)))

    assert sorted(given) == list(range(1, 101))
    assert [int(text) for text in texts(store, "s")] == sorted(range(100), key=lambda number: given[number])


def test_events_appended_together_follow_those_before(store):
    """In their order, behind the last one, as one by one; none of them is fine."""
    store.run_blocking(append("s", "a", sequence=3))
    store.run_blocking(lambda tx: tx.append_events("s", [("text", b"b"), ("text", b"c")]))
    store.run_blocking(lambda tx: tx.append_events("s", []))

    found = store.read(lambda reader: reader.events("s"))

    assert [(event.sequence, event.body) for event in found] == [(3, b"a"), (4, b"b"), (5, b"c")]
