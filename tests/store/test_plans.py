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


SEARCHES = [search._BY_ALL_WORDS, search._BY_RARE_WORDS, search._BY_NAME]


@pytest.mark.parametrize("sql", SEARCHES, ids=["all words", "rare words", "by name"])
def test_a_search_looks_at_no_resource_but_those_of_its_page(filled, sql):
    """Hits are read from the word's end, and their kinds from an index; resources are read for one page only."""
    bindings = (KINDS, None, '"word"', 10, 0, 1_000, '"word"')[: 7 if "?7" in sql else 6]
    steps = plan(filled, sql, bindings)

    assert any("r USING COVERING INDEX resources_by_sequence (sequence=?)" in step for step in steps)
    assert not any("SCAN r" in step or "resources_by_kind" in step for step in steps)
    hits = steps[: steps.index("SCAN hit")]
    assert not any("FOR ORDER BY" in step for step in hits)


def test_a_search_of_few_among_many_asks_them_one_by_one(filled):
    """The few are found by their kind, and each is looked up in the search index."""
    steps = plan(filled, search._BY_NAME_IN_SCOPE, (KINDS, None, '"word"', 10, 0, 1_000, '"word"'))

    assert any("SEARCH r USING COVERING INDEX resources_by" in step and "(kind=?" in step for step in steps)
    assert "SCAN r" not in steps
