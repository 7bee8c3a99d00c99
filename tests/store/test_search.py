"""Full-text search: what people type finds what they mean, and cannot break anything."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stigmer_core.store import SearchText
from stigmer_core.store.expressions import match_expression, spelled_out
from stigmer_core.store.search import Bounds, search

TEXTS = {
    1: SearchText(name="code-reviewer", description="Reviews pull requests", tags=["github", "quality"]),
    2: SearchText(name="release_notes", description="Writes notes of a release", body="reads the git log"),
    3: SearchText(name="Übersetzer", description="Translates into German"),
    4: SearchText(name="helper", description="Sometimes reviews code"),
}


@pytest.fixture
def texts(store, insert):
    """Return a store with four agents to find, and one skill."""

    def fill(tx):
        for number, text in TEXTS.items():
            insert(tx, number, search=text)
        insert(tx, 5, kind="Skill", org="other", search=SearchText(name="reviews of skills"))

    store.run_blocking(fill)
    return store


def look(store, query, *, kinds=("Agent", "Skill"), org=None, limit=10, offset=0):
    """Search."""
    return store.read(
        lambda reader: reader.search(kinds=kinds, query=query, org=org, limit=limit, offset=offset),
    )


QUERIES = [
    ("review", {1, 4, 5}),
    ("REVIEW", {1, 4, 5}),
    ("code review", set()),
    ("code reviews", {1, 4}),
    ("code-reviewer", {1}),
    ("release_n", {2}),
    ("release_notes", {2}),
    ("ubersetzer", {3}),
    ("github", {1}),
    ("log", {2}),
    ("nothing", set()),
    ("review AND code", set()),
    ("name:code", set()),
    ('"', set()),
    ("***", set()),
    ("- pull", {1}),
]


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_a_query_finds(texts, query, expected):
    """One word is a prefix, several must all be there, and operators are words like any other."""
    page = look(texts, query)

    assert {int(hit.id.removeprefix("agt-")) for hit in page.hits} == expected
    assert page.total == len(expected)


def test_hits_are_scored_and_sorted(texts):
    """A word in the name counts more than one in the description."""
    scores = [(hit.id, hit.score) for hit in look(texts, "code").hits]

    assert [resource_id for resource_id, _ in scores] == ["agt-1", "agt-4"]
    assert 1 >= scores[0][1] > scores[1][1] > 0


def test_where_a_word_is_decides_and_then_how_often(store, insert):
    """Name, tags, description, body; of equals the one with more of it, then the newest."""
    texts = [
        SearchText(name="a", body="pearl"),
        SearchText(name="b", body="pearl"),
        SearchText(name="c", body="pearl pearl"),
        SearchText(name="d", description="pearl"),
        SearchText(name="e", tags=["pearl"]),
        SearchText(name="pearl"),
        SearchText(name="f", description="pearl", body="pearl"),
    ]
    store.run_blocking(lambda tx: [insert(tx, number, search=text) for number, text in enumerate(texts)])

    assert [hit.id for hit in look(store, "pearl").hits] == [f"agt-{number}" for number in (5, 4, 6, 3, 2, 1, 0)]


def test_hits_are_counted_by_kind_beyond_the_page(texts):
    """The counts are of all pages."""
    page = look(texts, "reviews", limit=1)

    assert (len(page.hits), page.counts, page.total) == (1, {"Agent": 2, "Skill": 1}, 3)


def test_pages_of_hits_follow_each_other(texts):
    """The order is total: equal scores are sorted by age."""
    whole = look(texts, "reviews").hits
    parts = [hit for offset in range(3) for hit in look(texts, "reviews", limit=1, offset=offset).hits]

    assert parts == whole


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"kinds": ["Skill"]}, ["agt-5"]),
        ({"org": "other"}, ["agt-5"]),
        ({"org": "nobody"}, []),
        ({"kinds": []}, []),
    ],
)
def test_a_search_is_narrowed(texts, scope, expected):
    """No kinds find nothing: which kinds an empty list means is the caller's business."""
    assert [hit.id for hit in look(texts, "reviews of", **scope).hits] == expected


@pytest.mark.parametrize("query", ["", "  \t\n"])
def test_an_empty_query_lists_newest_first(texts, query):
    """Every score is 1.0."""
    page = look(texts, query, limit=3)

    assert [(hit.id, hit.score) for hit in page.hits] == [("agt-5", 1.0), ("agt-4", 1.0), ("agt-3", 1.0)]
    assert (page.counts, page.total) == ({"Agent": 4, "Skill": 1}, 5)


def test_an_update_replaces_the_text(texts):
    """The index is written in the same transaction."""
    texts.run_blocking(lambda tx: tx.update("agt-1", data="{}", body=b"", search=SearchText(name="poet")))

    assert [hit.id for hit in look(texts, "poet").hits] == ["agt-1"]
    assert look(texts, "github").hits == []


def test_an_update_without_text_keeps_it(texts):
    """A change of status does not touch the index."""
    texts.run_blocking(lambda tx: tx.update("agt-1", data="{}", body=b""))

    assert [hit.id for hit in look(texts, "github").hits] == ["agt-1"]


def test_a_deleted_resource_is_not_found(texts):
    """Nor does its entry come back for the next resource."""
    texts.run_blocking(lambda tx: tx.delete("agt-1"))

    assert look(texts, "github").hits == []


def test_an_undone_insert_is_not_found(texts, insert):
    """The index belongs to the transaction."""

    def fail(tx):
        insert(tx, 9, search=SearchText(name="ghost"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        texts.run_blocking(fail)

    assert look(texts, "ghost").hits == []


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(query=st.text(st.characters() | st.sampled_from("\"'*()^:-+{}\0\ud800 AND OR NOT NEAR"), max_size=60))
def test_no_query_is_an_error(texts, query):
    """Whatever is typed is words: quotes, operators, columns, NUL, half of a surrogate pair."""
    page = look(texts, query)

    assert len(page.hits) <= page.total


def test_a_long_query_is_cut():
    """FTS5 limits how many conditions one expression has."""
    assert match_expression("word " * 1000).count("AND") == 63


@pytest.fixture
def many(store, insert):
    """Return a store with eighty agents and a skill that say `common`; every tenth says `rare` and is named so."""

    def fill(tx):
        for number in range(80):
            rare = number % 10 == 5
            text = SearchText(name="common" if rare else "plain", body="common rare" if rare else "common")
            insert(tx, number, search=text)
        insert(tx, 99, kind="Skill", search=SearchText(name="plain", body="commonly common"))

    store.run_blocking(fill)
    return store


SMALL = Bounds(near=20, ranked=10, few=3, paged=30)


def few(store, query, *, kinds=("Agent", "Skill"), org=None, limit=5, offset=0, rows=None):
    """Search a store as if it were a large one; collect the rows that are read in `rows`."""

    def read(reader):
        def fetch(sql, bindings):
            found = reader.execute(sql, bindings)
            (rows if rows is not None else []).extend(found)
            return found

        return search(fetch, kinds=kinds, query=query, org=org, limit=limit, offset=offset, bounds=SMALL)

    return store.read(read)


def through(store, query, limit, **scope):
    """Return the ids on every page, asking for the next one while there is one."""
    found, total = [], 1
    while len(found) < total:
        page = few(store, query, limit=limit, offset=len(found), **scope)
        assert page.hits or not found
        found, total = found + [hit.id for hit in page.hits], page.total
    return found


@pytest.mark.parametrize(
    ("query", "best", "near"),
    [("common", "agt-75", 20), ("comm", "agt-75", 20), ("co", "agt-75", 20), ("plain common", "agt-99", 18)],
)
def test_a_common_word_ranks_the_newest(many, query, best, near):
    """Those that are near are counted and no more; those with the word in their name come before others."""
    page = few(many, query)

    assert page.total == sum(page.counts.values()) == near
    assert {hit.id for hit in page.hits} <= {"agt-99", *(f"agt-{number}" for number in range(69, 80))}
    assert page.hits[0].id == best


@pytest.mark.parametrize("limit", [1, 3, 4, 10, 30, 100])
def test_older_hits_of_a_common_word_follow(many, limit):
    """Whatever the size of a page, each comes once, to the last one that can be paged to; then pages are empty."""
    ranked = ["agt-75", "agt-99", *(f"agt-{number}" for number in range(79, 70, -1) if number != 75)]

    assert through(many, "common", limit) == ranked + [f"agt-{number}" for number in range(70, 50, -1)]
    beyond = few(many, "common", limit=limit, offset=30)
    assert (beyond.hits, beyond.total) == ([], 30)


@pytest.mark.parametrize("query", ["rare", "common rare", "rar"])
@pytest.mark.parametrize("limit", [1, 3, 4, 5, 100])
def test_a_rare_word_is_found_wherever_it_is(many, query, limit):
    """The newest are ranked, which are alike here; the others follow."""
    assert through(many, query, limit) == [f"agt-{number}" for number in range(75, 0, -10)]
    assert few(many, query, limit=8).counts == {"Agent": 8}


def test_scores_fall_from_page_to_page(many):
    """Also from those that are ranked to those that follow."""
    scores = [hit.score for hit in few(many, "common", limit=30).hits]

    assert 1 >= scores[0] > scores[10] > 0
    assert scores == sorted(scores, reverse=True)


def test_what_cannot_be_found_does_not_push_others_away(many, insert):
    """The newest are those of what is searched, however many runs have come since."""
    before = few(many, "common")
    many.run_blocking(lambda tx: [insert(tx, number, kind="Run") for number in range(100, 300)])

    assert few(many, "common") == before


@pytest.mark.parametrize("query", ["common", "plain common"])
def test_a_page_reads_no_more_where_more_is_found(many, insert, query):
    """What is read depends on the page, not on how many resources have the words."""
    before, after = [], []
    few(many, query, rows=before)
    text = SearchText(name="plain", body="common")
    many.run_blocking(lambda tx: [insert(tx, number, search=text) for number in range(100, 500)])

    few(many, query, rows=after)

    assert len(after) == len(before) < 30


@pytest.mark.parametrize("query", ["common", "comm"])
def test_a_common_word_is_found_in_a_small_kind(many, query):
    """What the newest ten of another kind have does not hide the one that is asked for."""
    page = few(many, query, kinds=["Skill"])

    assert [hit.id for hit in page.hits] == ["agt-99"]
    assert page.total == 1


@pytest.mark.parametrize("limit", [1, 3, 4, 100])
@pytest.mark.parametrize(("query", "found"), [("common", 10), ("plain comm", 0), ("plain common", 10), ("com", 10)])
def test_a_small_organisation_is_searched_whole(many, insert, query, found, limit):
    """Also where its resources are older than a thousand others that have the word, and of several kinds."""

    def fill(tx):
        for number in range(100, 1100):
            small = number % 100 == 50
            text = SearchText(name="plain", body="common")
            kind = "Skill" if number % 200 == 50 else "Agent"
            insert(tx, number, org="small" if small else "local", kind=kind, search=text)

    many.run_blocking(fill)

    assert through(many, query, limit, org="small") == [f"agt-{1050 - 100 * place}" for place in range(found)]
    assert through(many, query, limit, org="none") == []


SPELLED = [
    ('"common"', '"common" OR "commonly"'),
    ('"COMM"', '"common" OR "commonly"'),
    ('"co"', '"co" *'),
    ('"nothing"', '"nothing" *'),
    ('"co-mmon"', '"co-mmon" *'),
    ('"plain-comm"', '"plain-common" OR "plain-commonly"'),
    ('"\u00fcber.comm"', '"\u00fcber.common" OR "\u00fcber.commonly"'),
    ('"pl\u00e4n"', '"pl\u00e4n" *'),
]


@pytest.mark.parametrize(("term", "expected"), SPELLED)
def test_the_start_of_a_word_is_spelled_out(many, term, expected):
    """Where the words that begin so are few, and the index keeps no list for the prefix."""
    assert many.read(lambda reader: spelled_out(reader.execute, term)) == expected
