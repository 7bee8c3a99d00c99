"""Full-text search in its three modes: list (no query), find (a query), discover (no kinds)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.commons.apiresource.apiresourcekind.api_resource_kind_pb2 import ApiResourceKind
from ai.stigmer.search.v1 import io_pb2

from stigmer_core.resources import numbered_page

if TYPE_CHECKING:
    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader


class SearchController:
    """Serves SearchService."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def search(self, request: io_pb2.SearchRequest) -> io_pb2.SearchResponse:
        """Return a page of hits, best first; without a query the newest first.

        Kinds that are not searched give nothing, also when they are the only ones asked for.
        """
        kinds = self._searched(list(request.kinds))
        if not kinds:
            return io_pb2.SearchResponse()
        return await self._resources.store.read_slowly(lambda reader: self._found(reader, request, kinds))

    def _searched(self, numbers: list[int]) -> dict[str, Kind]:
        searchable = {name: kind for name, kind in self._resources.kinds.items() if kind.searchable}
        if not numbers:
            return searchable
        return {name: kind for name, kind in searchable.items() if kind.number in numbers}

    def _found(self, reader: Reader, request: Any, kinds: dict[str, Kind]) -> io_pb2.SearchResponse:
        page = numbered_page(request.page)
        hits = reader.search(
            kinds=sorted(kinds), query=request.query, org=request.org or None, limit=page.size, offset=page.offset
        )
        response = io_pb2.SearchResponse(
            counts_by_kind={_kind_key(kinds[name]): count for name, count in hits.counts.items()},
            total_count=hits.total,
            total_pages=page.total_pages(hits.total),
        )
        for hit in hits.hits:
            row = reader.get(hit.id)
            if row is not None:
                kind = kinds[row.kind]
                response.entries.append(_result(kind, kind.message.FromString(row.body), hit.score))
        return response


def _kind_key(kind: Kind) -> str:
    """Return the API's enum name of a kind, or its own name when it is somebody else's."""
    return str(ApiResourceKind.Name(kind.number)) if kind.number else kind.name  # type: ignore[arg-type]


def _result(kind: Kind, resource: Any, score: float) -> io_pb2.SearchResult:
    metadata, spec = resource.metadata, resource.spec
    result = io_pb2.SearchResult(
        kind=kind.number,  # type: ignore[arg-type]
        id=metadata.id,
        name=metadata.name,
        slug=metadata.slug,
        qualified_slug=f"{metadata.org}/{metadata.slug}" if metadata.org else metadata.slug,
        org=metadata.org,
        description=getattr(spec, "description", ""),
        visibility=metadata.visibility,
        tags=metadata.tags,
        score=score,
        icon_url=getattr(spec, "icon_url", "") or getattr(spec, "logo_url", ""),
    )
    audit = resource.status.audit.spec_audit
    result.created_at.CopyFrom(audit.created_at)
    result.updated_at.CopyFrom(audit.updated_at)
    return result
