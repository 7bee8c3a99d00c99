"""The plans of SQLite: what is asked for all the time reads the rows that it returns, and no others."""

from __future__ import annotations

import pytest

from stigmer_core.store import reader, search

KINDS = '["Agent"]'


def plan(store, sql, bindings):
    """Return what SQLite says it would do, one step a line."""
    rows = store.read(lambda reader: reader.execute("EXPLAIN QUERY PLAN " + sql, bindings))
    return [row[3] for row in rows]


LOOKUPS = [
    (reader._GET, ("agt-1",), "(id=?)"),
    (reader._FIND, ("Agent", "local", "agent-1"), "resources_by_slug (kind=? AND org_id=? AND slug=?)"),
    (reader._VERSION + " AND hash = ?", ("agt-1", "x"), "(resource_id=? AND hash=?)"),
    (reader._EVENTS, ("run", 0, 10), "(stream=? AND sequence>?)"),
    (reader._CHANGES, (0, 10), "(rowid>?)"),
    (search._TOTALS, (KINDS, None), "(kind=?)"),
]


@pytest.mark.parametrize(("sql", "bindings", "index"), LOOKUPS)
def test_a_lookup_never_scans(filled, sql, bindings, index):
    """By id, by slug, by hash, by position: one search in an index, at any size, and nothing is sorted."""
    steps = plan(filled, sql, bindings)

    assert index in steps[0]
    assert not any("SCAN" in step and "json_each" not in step for step in steps)
    assert not any("FOR ORDER BY" in step for step in steps)


HITS = (KINDS, None, '"word"', 1, 1_000, 100, True)


def test_hits_are_read_from_the_newest_on_and_no_further(filled):
    """The search index gets the range and the order, the kinds come from an index, and nothing is sorted."""
    steps = plan(filled, search._BY_WORD, HITS)

    assert steps[0].startswith("SCAN search VIRTUAL TABLE")
    assert steps[0].endswith("><")
    assert "r USING COVERING INDEX resources_by_sequence (sequence=?)" in steps[1]
    assert not any("FOR ORDER BY" in step or "resources_by_kind" in step for step in steps)


def test_a_search_of_few_among_many_reads_the_few_first(filled):
    """They are found by kind and organisation, and bound what is read of the search index, which is not sorted."""
    steps = plan(filled, search._BY_SCOPE, HITS)

    assert any("SEARCH r USING COVERING INDEX resources_by_org (kind=? AND org_id=?)" in step for step in steps)
    assert any(step.startswith("SCAN search VIRTUAL TABLE") and step.endswith("><") for step in steps)
    assert any("s USING AUTOMATIC COVERING INDEX (sequence=?)" in step for step in steps)
    assert not any("FOR ORDER BY" in step or "SCAN r" in step for step in steps)


def test_resources_are_read_for_one_page(filled):
    """Each by its sequence."""
    steps = plan(filled, search._IDS, ("[1, 2]",))

    assert "(sequence=?)" in steps[0]
    assert len([step for step in steps if "resources" in step]) == 1
