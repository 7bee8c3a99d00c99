"""Full-text search: what people type becomes an FTS5 query that cannot be wrong."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from stigmer_core.store.rows import Hit, SearchPage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from stigmer_core.store.rows import SearchText

    Fetch = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

MAX_TERMS = 64
SMALLEST_SCORE = 1e-9

_SCOPE = "r.kind IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR r.org_id = ?2)"
_COUNT_ALL = f"SELECT r.kind, count(*) FROM resources r WHERE {_SCOPE} GROUP BY r.kind"  # noqa: S608 - constants
_LIST = (
    f"SELECT r.id, r.kind, 0.0 FROM resources r WHERE {_SCOPE} "  # noqa: S608 - constants
    "ORDER BY r.sequence DESC LIMIT ?3 OFFSET ?4"
)
_COUNT_HITS = (
    f"SELECT r.kind, count(*) FROM search CROSS JOIN resources r ON r.sequence = search.rowid "  # noqa: S608 - constants
    f"WHERE search MATCH ?3 AND {_SCOPE} GROUP BY r.kind"
)
# A word in the name is worth more than one in the body.
_HITS = (
    f"SELECT r.id, r.kind, bm25(search, 10.0, 4.0, 6.0, 1.0) AS relevance "  # noqa: S608 - constants
    "FROM search CROSS JOIN resources r ON r.sequence = search.rowid "
    f"WHERE search MATCH ?5 AND {_SCOPE} ORDER BY relevance, r.sequence DESC LIMIT ?3 OFFSET ?4"
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
    scope = (_json_array(kinds), org)
    if not query.strip():
        counts = fetch(_COUNT_ALL, scope)
        rows = fetch(_LIST, (*scope, limit, offset))
        return _page([Hit(row[0], row[1], 1.0) for row in rows], counts)
    expression = match_expression(query)
    if expression is None:
        return _page([], [])
    counts = fetch(_COUNT_HITS, (*scope, expression))
    rows = fetch(_HITS, (*scope, limit, offset, expression))
    return _page([Hit(row[0], row[1], _score(row[2])) for row in rows], counts)


def digest(text: SearchText) -> bytes:
    """Return a short digest of a search entry, to see that it has not changed: FTS5 is the dear part of a write."""
    state = blake2b(digest_size=8)
    for part in (text.name, text.description, *text.tags, text.body):
        state.update(part.encode())
        state.update(b"\0")
    return state.digest()


def _page(hits: Sequence[Hit], counts: Sequence[tuple[Any, ...]]) -> SearchPage:
    by_kind = dict(counts)
    return SearchPage(hits, by_kind, sum(by_kind.values()))


def _score(relevance: float) -> float:
    """Map bm25, which is negative and smaller for better, to (0, 1]."""
    strength = max(-relevance, 0.0)
    return max(strength / (1.0 + strength), SMALLEST_SCORE)


def _json_array(names: Sequence[str]) -> str:
    from json import dumps  # noqa: PLC0415 - 5 ms that a process which only gets a resource need not pay

    return dumps(list(names))
