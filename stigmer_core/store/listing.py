"""The SQL of a listing: one keyset, newest first, whatever it is narrowed by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAST = 2**63 - 1
LABEL = "label:"  # before a label's key in the index table
TAG = "tag:"  # before a tag; its value there is empty

_RESOURCES = " FROM resources r WHERE r.kind = ? AND r.sequence < ?"
# CROSS JOIN keeps SQLite from leading with the resources, where it would look at every one of the kind.
_INDEXED = (
    " FROM indexes i CROSS JOIN resources r ON r.sequence = i.sequence"
    " WHERE i.kind = ? AND i.sequence < ? AND i.name = ? AND i.value = ?"
)
_ALSO = (
    " AND EXISTS (SELECT 1 FROM indexes l WHERE l.kind = ? AND l.name = ? AND l.value = ? AND l.sequence = r.sequence)"
)


def selection(
    kind: str,
    *,
    org: str | None,
    index: tuple[str, str] | None,
    labels: Mapping[str, str] | None,
    before: int | None,
    tags: Sequence[str] = (),
) -> tuple[str, str, list[Any]]:
    """Return FROM and WHERE over `resources r`, the ORDER BY, and the bindings.

    An indexed value leads where there is one, else a label or a tag, else the kind. Every label and tag must match.
    """
    pairs = [index] if index else []
    pairs += [(LABEL + key, value) for key, value in sorted((labels or {}).items())]
    pairs += [(TAG + tag, "") for tag in sorted(set(tags))]
    bindings: list[Any] = [kind, LAST if before is None else before]
    sql, order = (_INDEXED, " ORDER BY i.sequence DESC") if pairs else (_RESOURCES, " ORDER BY r.sequence DESC")
    if pairs:
        bindings += pairs[0]
    if org is not None:
        sql += " AND r.org_id = ?"
        bindings.append(org)
    for pair in pairs[1:]:
        sql += _ALSO
        bindings += (kind, *pair)
    return sql, order, bindings
