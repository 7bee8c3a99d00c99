"""FTS5 queries for what people type: nothing in it is syntax, so none of them can be wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Fetch = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

MAX_TERMS = 64
_INDEXED_PREFIX = 3  # the longest one that the search index keeps its own list for
_MAX_ENDINGS = 20
_LAST_WORD = re.compile(r"(|.*[ -/:-@\[-^`{-~])(\w+)", re.ASCII | re.DOTALL)  # and what precedes it in "pull-requests"

# Each step seeks the next word, and reads of the last one only that it is there.
_ENDINGS = (
    "WITH RECURSIVE ending(term) AS (SELECT (SELECT term FROM words WHERE term >= ?1 LIMIT 1) UNION ALL"
    " SELECT (SELECT term FROM words WHERE term >= ending.term || char(1) LIMIT 1) FROM ending"
    " WHERE ending.term < ?1 || char(1114111) LIMIT ?2)"
    " SELECT term FROM ending WHERE term < ?1 || char(1114111)"
)


def terms_of(query: str) -> list[str]:
    """Return the words of what somebody typed, each quoted."""
    clean = query.encode("utf-8", "replace").decode().replace("\0", " ")
    terms = [term for term in clean.split() if any(character.isalnum() or character == "_" for character in term)]
    return ['"' + term.replace('"', '""') + '"' for term in terms[:MAX_TERMS]]


def match_expression(query: str) -> str | None:
    """Return an FTS5 query for what somebody typed, or None when no word is in it.

    Every term is quoted, so nothing in it is syntax. One term matches as a prefix, several must all be there.
    """
    terms = terms_of(query)
    if not terms:
        return None
    return f"{terms[0]} *" if len(terms) == 1 else " AND ".join(terms)


def spelled_out(fetch: Fetch, term: str) -> str:
    """Return a query for the words that begin with a quoted term: these words where they are few.

    FTS5 reads everything that a prefix finds before it returns the first hit, 25 ms where it finds a million; of a
    whole word it reads only as far as it is asked to.
    """
    parts = _LAST_WORD.fullmatch(term[1:-1])
    if parts is None or len(parts[2]) <= _INDEXED_PREFIX:
        return f"{term} *"
    head, word = parts[1], parts[2].lower()
    endings = [row[0] for row in fetch(_ENDINGS, (word, _MAX_ENDINGS + 2))]
    if not 0 < len(endings) <= _MAX_ENDINGS:
        return f"{term} *"
    return " OR ".join(f'"{head}{ending}"' for ending in endings)
