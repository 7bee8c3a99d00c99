"""The RPCs that every kind has, served from its declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.errors import InvalidArgumentError, NotFoundError
from stigmer_core.kind import Encoded, Service
from stigmer_core.resources.references import contract_name

if TYPE_CHECKING:
    from stigmer_core.kind import Kind
    from stigmer_core.resources.pipeline import Resources
    from stigmer_core.store import Reader

_LATEST = ("", "latest")


class KindController:
    """Serves `create, update, apply, delete, get, getByReference, updateVisibility` of one kind."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources
        self._store = resources.store
        self._prefix = "" if kind.id_is_slug else f"{kind.id_prefix}_"

    async def create(self, request: Any) -> Any:
        """Store a new resource."""
        draft = self._resources.prepare(self._kind, request, creating=True)
        return await self._store.run(lambda tx: self._resources.create_in(tx, self._kind, draft))

    async def update(self, request: Any) -> Any:
        """Replace the spec of a stored resource."""
        draft = self._resources.prepare(self._kind, request, creating=False)
        return await self._store.run(lambda tx: self._resources.update_in(tx, self._kind, draft))

    async def apply(self, request: Any) -> Any:
        """Create or update, whichever is needed."""
        draft = self._resources.prepare(self._kind, request, creating=True)
        return await self._store.run(lambda tx: self._resources.apply_in(tx, self._kind, draft))

    async def update_visibility(self, request: Any) -> Any:
        """Change who sees a resource."""
        return await self._store.run(
            lambda tx: self._resources.set_visibility_in(tx, self._kind, request.resource_id, request.visibility)
        )

    async def delete(self, request: Any) -> Any:
        """Delete a resource and what it owns; return its last state."""
        resource_id = _id_in(request)
        return await self._store.run(lambda tx: self._resources.delete_in(tx, self._kind, resource_id))

    async def get(self, request: Any) -> Any:
        """Return a resource by id, as the bytes that are stored."""
        resource_id = request.value
        if resource_id.startswith(self._prefix) and self._prefix:
            body = self._store.body(resource_id)
            if body is not None:
                return Encoded(body)
        return self._store.read(lambda reader: self._encoded(reader, _id_in(request)))

    async def get_by_reference(self, request: Any) -> Any:
        """Return the resource, or the version of it, that a reference names."""
        kind = self._kind
        if request.kind and request.kind != kind.number:
            raise InvalidArgumentError(f"kind mismatch: expected {kind.label()}, got {contract_name(request.kind)}")
        if kind.org_scoped and not request.org:
            raise InvalidArgumentError(f"a reference to {kind.label()} needs an org")
        return self._store.read(lambda reader: self._referenced(reader, request))

    def _referenced(self, reader: Reader, reference: Any) -> Encoded:
        kind = self._kind
        row = reader.find(kind.name, reference.org if kind.org_scoped else "", reference.slug)
        if row is None:
            raise NotFoundError(kind.label(), reference.slug, f"{kind.label()} not found: {_address(reference)}")
        if reference.version in _LATEST:
            return Encoded(row.body)
        version = reader.version(row.id, hash=reference.version) or reader.version(row.id, tag=reference.version)
        if version is None:
            raise NotFoundError(
                kind.label(), row.id, f"{kind.label()} {_address(reference)} has no version {reference.version}"
            )
        return Encoded(version.body)

    def _encoded(self, reader: Reader, resource_id: str) -> Encoded:
        return Encoded(self._resources.row_in(reader, self._kind, resource_id).body)


def kind_services(kind: Kind, resources: Resources) -> list[Service]:
    """Return the services of a kind with the pipeline behind them."""
    controller = KindController(kind, resources)
    return [Service(name, controller) for name in kind.services]


def _id_in(request: Any) -> str:
    """Return the id in any of the API's id wrappers.

    Raises:
        InvalidArgumentError: it is empty.
    """
    field = "value" if "value" in request.DESCRIPTOR.fields_by_name else "resource_id"
    resource_id = str(getattr(request, field))
    if not resource_id:
        raise InvalidArgumentError(f"{field} is required")
    return resource_id


def _address(reference: Any) -> str:
    return f"{reference.org}/{reference.slug}" if reference.org else str(reference.slug)
