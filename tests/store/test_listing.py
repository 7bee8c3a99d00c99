"""Pages: newest first, narrowed by index and label, stable while others write."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture
def labelled(store, insert):
    """Return a store with twelve agents of two organisations, with an index entry and a label each."""

    def fill(tx):
        for number in range(12):
            insert(
                tx,
                number,
                org=("local", "other")[number % 2],
                indexes={"spec.model": f"m{number % 3}"},
                labels={"team": f"t{number % 4}"},
            )

    store.run_blocking(fill)
    return store


def ids(rows):
    """Return the numbers of agents."""
    return [int(row.id.removeprefix("agt-")) for row in rows]


def next_page(store, seen, **arguments):
    """Return the page behind what was seen."""
    before = seen[-1].sequence if seen else None
    return store.read(lambda reader: reader.page("Agent", before=before, **arguments))


PAGES = [
    ({}, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
    ({"org": "other"}, [11, 9, 7, 5, 3, 1]),
    ({"index": ("spec.model", "m1")}, [10, 7, 4, 1]),
    ({"index": ("spec.model", "m1"), "org": "local"}, [10, 4]),
    ({"labels": {"team": "t2"}}, [10, 6, 2]),
    ({"labels": {"team": "t2"}, "index": ("spec.model", "m1")}, [10]),
    ({"index": ("team", "t2")}, []),
    ({"org": "nobody"}, []),
]


@pytest.mark.parametrize(("narrowed", "expected"), PAGES)
def test_a_page_is_narrowed(labelled, narrowed, expected):
    """Organisation, index and label combine; `count` and `page_data` agree with `page`."""
    read = labelled.read

    assert ids(read(lambda reader: reader.page("Agent", **narrowed))) == expected
    assert ids(read(lambda reader: reader.page_data("Agent", **narrowed))) == expected
    assert read(lambda reader: reader.count("Agent", **narrowed)) == len(expected)


@pytest.mark.parametrize("narrowed", [narrowed for narrowed, expected in PAGES if expected])
def test_pages_follow_each_other(labelled, narrowed):
    """The keyset is `sequence`, whatever the listing is narrowed by."""
    whole = labelled.read(lambda reader: reader.page("Agent", **narrowed))
    found = []

    while page := next_page(labelled, found, limit=2, **narrowed):
        found += page

    assert found == whole


def test_an_offset_skips(labelled):
    """The API's oldest page style counts pages."""
    assert ids(labelled.read(lambda reader: reader.page("Agent", offset=10, limit=5))) == [1, 0]


def test_a_document_carries_json(labelled):
    """What readers of JSON get in place of the protobuf bytes."""
    document = labelled.read(lambda reader: reader.page_data("Agent", limit=1))[0]

    assert (document.id, document.data) == ("agt-11", '{"number": 11}')


def test_an_update_moves_a_resource_between_listings(labelled):
    """Index entries and labels are replaced one set at a time: None leaves a set as it is."""
    labelled.run_blocking(lambda tx: tx.update("agt-1", data="{}", body=b"", indexes={"spec.model": "m9"}))

    read = labelled.read
    assert ids(read(lambda reader: reader.page("Agent", index=("spec.model", "m9")))) == [1]
    assert ids(read(lambda reader: reader.page("Agent", index=("spec.model", "m1")))) == [10, 7, 4]
    assert ids(read(lambda reader: reader.page("Agent", labels={"team": "t1"}))) == [9, 5, 1]


async def test_pages_are_stable_while_others_write(store, insert):
    """Every resource that was there at the start is seen exactly once, new ones never in between."""
    store.run_blocking(lambda tx: [insert(tx, number) for number in range(200)])
    writers = [asyncio.ensure_future(store.run(lambda tx, n=n: insert(tx, n))) for n in range(200, 400)]
    first = store.read(lambda reader: reader.page("Agent", limit=7))
    seen = list(first)

    while page := next_page(store, seen, limit=7):
        seen += page
        await asyncio.sleep(0)

    await asyncio.gather(*writers)
    assert [row.sequence for row in seen] == list(range(first[0].sequence, 0, -1))


def test_kinds_are_counted(labelled, insert):
    """Also those that no plugin claims any more."""
    labelled.run_blocking(lambda tx: insert(tx, 99, kind="Gone"))

    assert labelled.read(lambda reader: reader.kinds()) == {"Agent": 12, "Gone": 1}


PLANS = [
    ({}, "resources_by_kind"),
    ({"org": "local"}, "resources_by_org"),
    ({"index": ("spec.model", "m1")}, "i USING PRIMARY KEY"),
]


@pytest.mark.parametrize(("narrowed", "index"), PLANS)
def test_a_page_reads_only_its_own_rows(labelled, narrowed, index):
    """A listing walks an index in its order: no sort, no scan, at any size."""
    from stigmer_core.store.listing import selection  # noqa: PLC0415 - looks behind the seam

    source, order, bindings = selection("Agent", **({"org": None, "index": None, "labels": None} | narrowed), before=9)
    plan = labelled.read(lambda reader: reader.execute(f"EXPLAIN QUERY PLAN SELECT r.id{source}{order}", bindings))

    details = " | ".join(row[3] for row in plan)
    assert index in details
    assert "TEMP B-TREE" not in details
    assert "SCAN" not in details


def test_the_total_of_a_page_follows_every_insert_and_delete(labelled):
    """It is kept, not counted: by kind, by kind and organisation, and across kinds."""
    before = labelled.read(lambda reader: (reader.count("Agent"), reader.count("Agent", org="other")))
    gone = labelled.read(lambda reader: reader.page("Agent", org="other", limit=1))[0].id

    labelled.run_blocking(lambda tx: tx.delete(gone))

    after = labelled.read(lambda reader: (reader.count("Agent"), reader.count("Agent", org="other")))
    assert after == (before[0] - 1, before[1] - 1)
    assert labelled.read(lambda reader: reader.kinds())["Agent"] == after[0]
