"""Full-text search whose cost is bounded: the newest hits are ranked and counted, older ones follow where pages ask."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from stigmer_core.store.expressions import match_expression, spelled_out, terms_of
from stigmer_core.store.listing import selection
from stigmer_core.store.relevance import score
from stigmer_core.store.rows import Hit, SearchPage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from stigmer_core.store.expressions import Fetch
    from stigmer_core.store.rows import SearchText


class Bounds(NamedTuple):
    """How far a search for words goes: through the newest resources, and on only while it has found few."""

    near: int = 10_000  # so many of what can be found are the newest ones, among which every hit is counted
    ranked: int = 1_000  # so many hits among them are ranked; a word that more resources have is a common one
    few: int = 100  # so many hits are ranked wherever they are: each costs a page of the database
    paged: int = 10_000  # so many can be paged through


BOUNDS = Bounds()
_NEWEST = 2**63 - 1
_NARROW = 75  # one resource of so many: what is in such a scope is read before those that have a common word

_TOTALS = (
    "SELECT kind, sum(amount) FROM totals WHERE kind IN (SELECT value FROM json_each(?1)) "
    "AND (?2 IS NULL OR org_id = ?2) GROUP BY kind HAVING sum(amount) > 0"
)
_ALL = "SELECT coalesce(sum(amount), 0) FROM totals"
# The rowid of the resource at a place, from the newest on: of those that can be found at all.
_PLACE = "SELECT id FROM search_docsize ORDER BY id DESC LIMIT 1 OFFSET ?"
_IS_COMMON = "SELECT 1 FROM search WHERE search MATCH ? LIMIT 1 OFFSET ?"

# The pluses keep SQLite from looking a hit up by its kind, which takes time in the square of the hits.
_BY_WORD = (
    "SELECT r.sequence, r.kind, iif(?7, relevance(search), 0.0)"
    " FROM search CROSS JOIN resources r INDEXED BY resources_by_sequence ON r.sequence = search.rowid"
    " WHERE search MATCH ?3 AND search.rowid BETWEEN ?4 AND ?5"
    " AND +r.kind IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR +r.org_id = ?2)"
    " ORDER BY search.rowid DESC LIMIT ?6"
)
# To ask search for each resource of the scope instead would cost 0.3 ms apiece where a million have the word.
_BY_SCOPE = (
    "WITH scope AS MATERIALIZED (SELECT r.sequence, r.kind"
    " FROM totals t CROSS JOIN resources r INDEXED BY resources_by_org ON r.kind = t.kind AND r.org_id = t.org_id"
    " WHERE t.kind IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR t.org_id = ?2))"
    " SELECT s.sequence, s.kind, iif(?7, relevance(search), 0.0)"
    " FROM search CROSS JOIN scope s ON s.sequence = search.rowid WHERE search MATCH ?3 AND search.rowid"
    " BETWEEN max(?4, (SELECT min(sequence) FROM scope)) AND min(?5, (SELECT max(sequence) FROM scope))"
    " ORDER BY search.rowid DESC LIMIT ?6"
)
_COUNTS = "SELECT kind, count(*) FROM ({hits}) GROUP BY kind"
_IDS = "SELECT sequence, id FROM resources WHERE sequence IN (SELECT value FROM json_each(?))"


def search(
    fetch: Fetch,
    *,
    kinds: Sequence[str],
    query: str,
    org: str | None,
    limit: int,
    offset: int,
    bounds: Bounds = BOUNDS,
) -> SearchPage:
    """Return one page of hits; an empty query lists, newest first, with score 1.0.

    The newest hits are ranked and come first: all of them where they are few or the resources are. Older hits follow,
    newest first, as far as the page reaches. The counts are of these, of all that are near, and of one more where there
    is one: they are exact when nothing is left to read, and else there is a page after this one.
    """
    if not query.strip():
        return _newest(fetch, kinds, org, limit, offset)
    expression, scope = match_expression(query), (_json_array(kinds), org)
    inside = sum(amount for _, amount in fetch(_TOTALS, scope))
    if expression is None or not inside:
        return SearchPage([], {}, 0)
    terms = terms_of(query)
    if len(terms) == 1 and fetch(_PLACE, (bounds.ranked,)):
        terms = [expression] = [spelled_out(fetch, terms[0])]
    narrow = inside * _NARROW < int(fetch(_ALL, ())[0][0])
    by_scope = narrow and all(fetch(_IS_COMMON, (term, bounds.ranked)) for term in terms)
    what = (_BY_SCOPE if by_scope else _BY_WORD, *scope, expression)
    rows, ranked, counts = _hits(fetch, what, offset + limit + 1, bounds)
    return SearchPage(_best(fetch, rows, ranked, limit, offset), counts, counts.total())


def _hits(
    fetch: Fetch, what: tuple[Any, ...], wanted: int, bounds: Bounds
) -> tuple[list[tuple[Any, ...]], int, Counter[str]]:
    """Return the newest hits, how many of them are ranked, the same ones for every page, and counts by kind."""
    sql, *bindings = what
    hits = fetch(sql, (*bindings, 1, _NEWEST, bounds.few, True))
    near = next((row[0] for row in fetch(_PLACE, (bounds.near - 1,))), 1)
    if len(hits) == bounds.few and hits[-1][0] > near:
        hits += fetch(sql, (*bindings, near, hits[-1][0] - 1, bounds.ranked - bounds.few, True))
    ranked, missing = len(hits), min(wanted, bounds.paged) - len(hits)
    if ranked >= bounds.few and missing > 0:
        hits += fetch(sql, (*bindings, 1, hits[-1][0] - 1, missing, False))
    counts = Counter(row[1] for row in hits)
    if ranked >= bounds.ranked and hits[-1][0] > near:
        counts.update(dict(fetch(_COUNTS.format(hits=sql), (*bindings, near, hits[-1][0] - 1, bounds.near, False))))
    return hits, ranked, counts


def _best(fetch: Fetch, rows: list[tuple[Any, ...]], ranked: int, limit: int, offset: int) -> list[Hit]:
    best = sorted(rows[:ranked], key=lambda row: (row[2], row[0]), reverse=True)
    page = (best + rows[ranked:])[offset : offset + limit]
    ids: dict[int, str] = dict(fetch(_IDS, (_json_array([row[0] for row in page]),)))
    return [Hit(ids[sequence], kind, score(relevance)) for sequence, kind, relevance in page]


def _newest(fetch: Fetch, kinds: Sequence[str], org: str | None, limit: int, offset: int) -> SearchPage:
    """Merge the newest of each kind: each is read from its index, none is sorted as a whole."""
    totals = fetch(_TOTALS, (_json_array(kinds), org))
    rows: list[tuple[Any, ...]] = []
    for kind, _ in totals:
        source, order, bindings = selection(kind, org=org, index=None, labels=None, before=None)
        rows += fetch("SELECT r.sequence, r.id, r.kind" + source + order + " LIMIT ?", (*bindings, offset + limit))
    rows.sort(reverse=True)
    hits = [Hit(resource_id, kind, 1.0) for _, resource_id, kind in rows[offset : offset + limit]]
    return SearchPage(hits, dict(totals), sum(amount for _, amount in totals))


def digest(text: SearchText) -> bytes:
    """Return a short digest of a search entry, to see that it has not changed: FTS5 is the dear part of a write."""
    state = blake2b(digest_size=8)
    for part in (text.name, text.description, *text.tags, text.body):
        state.update(part.encode())
        state.update(b"\0")
    return state.digest()


def _json_array(values: Sequence[str | int]) -> str:
    from json import dumps  # noqa: PLC0415 - 5 ms that a process which only gets a resource need not pay

    return dumps(list(values))
