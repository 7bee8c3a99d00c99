"""The queries of Organization that the generic pipeline does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.commons.rpc.pagination_pb2 import PageInfo
from ai.stigmer.tenancy.organization.v1 import io_pb2

from stigmer_core.errors import UnimplementedError
from stigmer_core.resources import numbered_page, spliced

if TYPE_CHECKING:
    from ai.stigmer.commons.apiresource.io_pb2 import FindApiResourcesRequest

    from stigmer_core import Kind
    from stigmer_core.kind import Encoded
    from stigmer_core.resources import Resources

_EVERY = 10_000


class OrganizationQueries:
    """Serves `find`, `findMyOrganizations` and `getByExternalOrgId`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._store = resources.store

    async def find(self, request: FindApiResourcesRequest) -> Encoded:
        """Return a page of all organizations; an open installation does not narrow by the request's org."""
        info = request.page if request.HasField("page") else PageInfo(num=request.page_number, size=request.page_size)
        page = numbered_page(info)
        rows, total = self._store.read(
            lambda reader: (
                reader.page(self._kind.name, limit=page.size, offset=page.offset),
                reader.count(self._kind.name),
            )
        )
        return spliced(io_pb2.OrganizationList(total_pages=page.total_pages(total)), "entries", rows)

    async def find_my_organizations(self, request: Any) -> Encoded:  # noqa: ARG002 - an RPC's shape
        """Return every organization: the local operator belongs to all of them."""
        rows = self._store.read(lambda reader: reader.page(self._kind.name, limit=_EVERY))
        return spliced(io_pb2.Organizations(), "entries", rows)

    async def get_by_external_org_id(self, request: Any) -> Any:  # noqa: ARG002 - an RPC's shape
        """Refuse: identity providers belong to the enterprise edition."""
        raise UnimplementedError("getByExternalOrgId needs an identity provider, which only the enterprise edition has")
