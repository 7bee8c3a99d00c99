"""What full-text search sees of a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.store import SearchText

if TYPE_CHECKING:
    from stigmer_core.kind import Kind

_BODY_CHARACTERS = 10_000


def search_text(kind: Kind, resource: Any) -> SearchText | None:
    """Return the words to find a resource by, or None for a kind that is not searched."""
    if not kind.searchable:
        return None
    metadata = resource.metadata
    texts = [
        value for field, value in resource.spec.ListFields() if isinstance(value, str) and field.name != "description"
    ]
    return SearchText(
        name=f"{metadata.name} {metadata.slug}",
        description=getattr(resource.spec, "description", ""),
        tags=(*metadata.tags, *metadata.labels.values()),
        body=" ".join(texts)[:_BODY_CHARACTERS],
    )
