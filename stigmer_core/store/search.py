"""Full-text search: what people type becomes an FTS5 query that cannot be wrong."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from stigmer_core.store.listing import selection
from stigmer_core.store.rows import Hit, SearchPage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from stigmer_core.store.rows import SearchText

    Fetch = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

MAX_TERMS = 64
SMALLEST_SCORE = 1e-9

# The plus keeps SQLite from looking a hit up by its kind, which takes time in the square of the hits.
_SCOPE = "+r.kind IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR +r.org_id = ?2)"
_FOUND = f"FROM search CROSS JOIN resources r ON r.sequence = search.rowid WHERE search MATCH ?3 AND {_SCOPE}"
_TOTALS = (
    "SELECT kind, sum(amount) FROM totals WHERE kind IN (SELECT value FROM json_each(?1)) "
    "AND (?2 IS NULL OR org_id = ?2) GROUP BY kind HAVING sum(amount) > 0"
)
_COUNT = f"SELECT r.kind, count(*) {_FOUND} GROUP BY r.kind"
# A word in the name is worth more than one in the body.
_HITS = (
    f"SELECT r.id, r.kind, bm25(search, 10.0, 4.0, 6.0, 1.0) AS relevance {_FOUND} "
    "ORDER BY relevance, r.sequence DESC LIMIT ?4 OFFSET ?5"
)


def match_expression(query: str) -> str | None:
    """Return an FTS5 query for what somebody typed, or None when no word is in it.

    Every term is quoted, so nothing in it is syntax. One term matches as a prefix, several must all be there.
    """
    clean = query.encode("utf-8", "replace").decode().replace("\0", " ")
    terms = [term for term in clean.split() if any(character.isalnum() or character == "_" for character in term)]
    if not terms:
        return None
    quoted = ['"' + term.replace('"', '""') + '"' for term in terms[:MAX_TERMS]]
    return f"{quoted[0]} *" if len(quoted) == 1 else " AND ".join(quoted)


def search(fetch: Fetch, *, kinds: Sequence[str], query: str, org: str | None, limit: int, offset: int) -> SearchPage:
    """Return one page of hits; an empty query lists, newest first, with score 1.0."""
    if not query.strip():
        return _newest(fetch, kinds, org, limit, offset)
    expression = match_expression(query)
    if expression is None:
        return SearchPage([], {}, 0)
    bindings = (_json_array(kinds), org, expression)
    counts: dict[str, int] = dict(fetch(_COUNT, bindings))
    rows = fetch(_HITS, (*bindings, limit, offset))
    return SearchPage([Hit(row[0], row[1], _score(row[2])) for row in rows], counts, sum(counts.values()))


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
