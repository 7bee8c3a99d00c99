"""Full-text search whose cost is bounded: at most 10,000 hits, the newest ones, are counted and ranked."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from stigmer_core.store.expressions import match_expression, spelled_out, terms_of
from stigmer_core.store.listing import selection
from stigmer_core.store.rows import Hit, SearchPage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from stigmer_core.store.expressions import Fetch
    from stigmer_core.store.rows import SearchText

MOST_HITS = 10_000
SMALLEST_SCORE = 1e-9
_SEEK_COST = 75  # asking of one resource whether it matches, as a multiple of reading one more match

_TOTALS = (
    "SELECT kind, sum(amount) FROM totals WHERE kind IN (SELECT value FROM json_each(?1)) "
    "AND (?2 IS NULL OR org_id = ?2) GROUP BY kind HAVING sum(amount) > 0"
)
_ALL = "SELECT coalesce(sum(amount), 0) FROM totals"
_IS_COMMON = "SELECT 1 FROM search WHERE search MATCH ? LIMIT 1 OFFSET ?"

# A word in the name is worth more than one in the body.
_BM25 = "bm25(search, 10.0, 4.0, 6.0, 1.0)"
# The pluses keep SQLite from looking a hit up by its kind, which takes time in the square of the hits.
_BY_WORD = (
    "SELECT r.sequence AS sequence, r.kind AS kind, {relevance} AS relevance"
    " FROM search CROSS JOIN resources r INDEXED BY resources_by_sequence ON r.sequence = search.rowid"
    " WHERE search MATCH ?3"
    " AND +r.kind IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR +r.org_id = ?2)"
    " ORDER BY search.rowid DESC LIMIT ?6"
)
_BY_SCOPE = (
    "SELECT r.sequence AS sequence, r.kind AS kind, 0.0 AS relevance"
    " FROM resources r CROSS JOIN search ON search.rowid = r.sequence WHERE search MATCH ?3"
    " AND r.kind IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR r.org_id = ?2)"
    " ORDER BY r.sequence DESC LIMIT ?6"
)
_RARE = "SELECT rowid AS sequence, {relevance} AS relevance FROM search WHERE search MATCH ?7"
_NAMED = (
    "SELECT rowid AS sequence, -1.0 AS relevance FROM search WHERE search MATCH ?7"
    " AND rowid >= (SELECT min(sequence) FROM hit)"
)
_NAMED_BY_SCOPE = (
    "SELECT hit.sequence AS sequence, -1.0 AS relevance FROM hit CROSS JOIN search ON search.rowid = hit.sequence"
    " WHERE search MATCH ?7"
)
_PAGE = (
    "{hits}, best AS (SELECT sequence, kind, relevance FROM {ranked} ORDER BY relevance, sequence DESC"
    " LIMIT ?4 OFFSET ?5) SELECT NULL, kind, count(*), NULL FROM hit GROUP BY kind UNION ALL"
    " SELECT r.id, best.kind, best.relevance, best.sequence"
    " FROM best CROSS JOIN resources r ON r.sequence = best.sequence"
)
_SCORED = (
    "WITH hit AS MATERIALIZED ({hits}), score AS MATERIALIZED ({scores}), ranked AS (SELECT hit.sequence, hit.kind,"
    " coalesce(score.relevance, 0.0) AS relevance FROM hit LEFT JOIN score ON score.sequence = hit.sequence)"
)


def _scored(hits: str, scores: str) -> str:
    return _PAGE.format(hits=_SCORED.format(hits=hits, scores=scores), ranked="ranked")


_BY_ALL_WORDS = _PAGE.format(hits=f"WITH hit AS MATERIALIZED ({_BY_WORD.format(relevance=_BM25)})", ranked="hit")
_BY_RARE_WORDS = _scored(_BY_WORD.format(relevance="0.0"), _RARE.format(relevance=_BM25))
_BY_NAME = _scored(_BY_WORD.format(relevance="0.0"), _NAMED)
_BY_NAME_IN_SCOPE = _scored(_BY_SCOPE, _NAMED_BY_SCOPE)


def search(
    fetch: Fetch,
    *,
    kinds: Sequence[str],
    query: str,
    org: str | None,
    limit: int,
    offset: int,
    most: int = MOST_HITS,
) -> SearchPage:
    """Return one page of hits; an empty query lists, newest first, with score 1.0.

    Counts are exact up to `most` hits, and so many are ranked: the newest. A word that more resources have says little
    about rank and does not count for it; without another one those that have it in their name come first.
    """
    if not query.strip():
        return _newest(fetch, kinds, org, limit, offset)
    expression = match_expression(query)
    if expression is None:
        return SearchPage([], {}, 0)
    scope = (_json_array(kinds), org)
    everything = int(fetch(_ALL, ())[0][0])
    terms = terms_of(query)
    if everything > most and len(terms) == 1:
        terms = [expression] = [spelled_out(fetch, terms[0])]
    rare = terms if everything <= most else [term for term in terms if not fetch(_IS_COMMON, (term, most))]
    bindings = (*scope, expression, limit, offset, most)
    if len(rare) == len(terms):
        return _page(fetch(_BY_ALL_WORDS, bindings))
    if rare:
        return _page(fetch(_BY_RARE_WORDS, (*bindings, " AND ".join(rare))))
    narrow = sum(amount for _, amount in fetch(_TOTALS, scope)) * _SEEK_COST < everything
    return _page(fetch(_BY_NAME_IN_SCOPE if narrow else _BY_NAME, (*bindings, f"{{name}} : ({expression})")))


def _page(rows: list[tuple[Any, ...]]) -> SearchPage:
    counts = {kind: int(count) for resource_id, kind, count, _ in rows if resource_id is None}
    best = sorted((row for row in rows if row[0] is not None), key=lambda row: (row[2], -row[3]))
    return SearchPage([Hit(row[0], row[1], _score(row[2])) for row in best], counts, sum(counts.values()))


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


def _score(relevance: float) -> float:
    """Map bm25, which is negative and smaller for better, to (0, 1]."""
    strength = max(-relevance, 0.0)
    return max(strength / (1.0 + strength), SMALLEST_SCORE)


def _json_array(names: Sequence[str]) -> str:
    from json import dumps  # noqa: PLC0415 - 5 ms that a process which only gets a resource need not pay

    return dumps(list(names))
