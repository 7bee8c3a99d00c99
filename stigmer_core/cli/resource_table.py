"""Resources as rows: the columns that their kind declares, between name and age."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stigmer_core.cli.tables import Table, cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.cli.catalog import KindEntry
    from stigmer_core.cli.documents import Document
    from stigmer_core.program import Json

_CREATED = "status.audit.specAudit.createdAt"
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_TWO_OF_A_UNIT = 2


def resource_table(kind: KindEntry, resources: Sequence[tuple[Document, Json]], *, wide: bool) -> Table:
    """Return resources of one kind as a table; a wide one has ids and organizations too."""
    columns = [(name, path) for name, path, only_wide in kind.columns if wide or not only_wide]
    header = ["NAME", *(name for name, _ in columns), "AGE", *(["ORG", "ID"] if wide else [])]
    rows = [
        [
            document.slug or document.id,
            *(cell(value_at(resource, path)) for _, path in columns),
            age_of(resource),
            *([document.org, document.id] if wide else []),
        ]
        for document, resource in resources
    ]
    return Table(header, rows)


def mixed_table(resources: Sequence[tuple[KindEntry, Document, Json]], *, wide: bool) -> Table:
    """Return resources of several kinds as a table; those whose plugin is gone are marked."""
    header = ["KIND", "NAME", "AGE", *(["ORG", "ID"] if wide else [])]
    rows = [
        [
            kind.name if kind.available else f"{kind.name} (unavailable)",
            document.slug or document.id,
            age_of(resource),
            *([document.org, document.id] if wide else []),
        ]
        for kind, document, resource in resources
    ]
    return Table(header, rows)


def value_at(resource: Any, path: str) -> Any:
    """Return what stands at a dotted path, or None."""
    for part in path.split("."):
        if not isinstance(resource, dict):
            return None
        resource = resource.get(part)
    return resource


def age_of(resource: Json) -> str:
    """Return how long ago a resource was created, such as `3m` or `2h`; empty when nobody knows."""
    try:
        created = datetime.fromisoformat(str(value_at(resource, _CREATED)))
        seconds = max(0, int((datetime.now(UTC) - created).total_seconds()))
    except (ValueError, TypeError):
        return ""
    for unit, size in _UNITS:
        if seconds >= _TWO_OF_A_UNIT * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
