"""The kind under test: how resources of it are made, and what it has."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar

import grpc
import pytest
import pytest_asyncio
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceReference
from google.protobuf import descriptor_pool, message_factory

from stigmer_core.api.v1 import resources_pb2 as pb
from stigmer_core.resources.codec import copy_of, to_json
from stigmer_core.testing.installation import Installation, installation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from stigmer_core import Kind

RESOURCES = "stigmer.core.v1.ResourceService"
ORG = "local"


class Subject:
    """What a subclass says of its kind.

    Attributes:
        kind: its name.
        settings: of the installation, such as `{"plugins": ("ticket",)}`.
        names_itself: whether a resource without a name is given one.
        lacks: generic RPCs that the kind has and means otherwise, such as an update that changes no spec.
    """

    kind: ClassVar[str]
    settings: ClassVar[dict[str, Any]] = {}
    names_itself: ClassVar[bool] = False
    lacks: ClassVar[tuple[str, ...]] = ()
    _before: frozenset[str] = frozenset()

    def resource(self, name: str) -> Any:
        """Return a valid resource with this name, in the organization `local`."""
        raise NotImplementedError

    def change(self, resource: Any) -> None:
        """Change something of the resource's spec that an update may change."""
        raise NotImplementedError

    async def prepare(self, api: Installation) -> None:
        """Store what resources of the kind refer to."""

    async def make(self, api: Installation, name: str) -> Any:
        """Store a resource and return it: by `create` where the kind has it, else as a document."""
        if self.has(api, "create"):
            return await self.rpc(api, "create", self.resource(name))
        return await self._applied(api, self.resource(name))

    @pytest_asyncio.fixture
    async def api(self, tmp_path: Path) -> AsyncIterator[Installation]:
        """An installation of its own for each test."""
        async with installation(tmp_path / "home", **self.settings) as opened:
            await self.prepare(opened)
            self._before = frozenset(await self._ids(opened))
            yield opened

    # What the kind has.

    def declared(self, api: Installation) -> Kind:
        """Return the kind's declaration."""
        return api.app.resources.kind(self.kind)

    def has(self, api: Installation, rpc: str) -> bool:
        """Return whether one of the kind's services has an RPC, and means by it what the pipeline does."""
        found = [_methods(service)[rpc] for service in self.declared(api).services if rpc in _methods(service)]
        if rpc in ("create", "update", "apply"):
            message = self.declared(api).message.DESCRIPTOR.full_name
            found = [method for method in found if method.input_type.full_name == message]
        return bool(found) and rpc not in self.lacks

    def need(self, api: Installation, *rpcs: str) -> None:
        """Skip the test when the kind does not have these RPCs."""
        missing = [rpc for rpc in rpcs if not self.has(api, rpc)]
        if missing:
            pytest.skip(f"{self.kind} has no {', '.join(missing)}")

    def need_documents(self, api: Installation) -> None:
        """Skip the test when the kind is not applied as documents."""
        if "apply" not in self.declared(api).verbs:
            pytest.skip(f"{self.kind} is not applied as a document")

    # Calls.

    async def rpc(self, api: Installation, rpc: str, request: Any) -> Any:
        """Call an RPC of the kind by its name, whichever service has it."""
        service = next(name for name in self.declared(api).services if rpc in _methods(name))
        return await api.call(service, rpc, request)

    async def by_id(self, api: Installation, rpc: str, resource_id: str) -> Any:
        """Call an RPC that takes an id, in whatever wrapper it has for it."""
        service = next(name for name in self.declared(api).services if rpc in _methods(name))
        request: Any = message_factory.GetMessageClass(_methods(service)[rpc].input_type)()
        field = "value" if "value" in request.DESCRIPTOR.fields_by_name else "resource_id"
        setattr(request, field, resource_id)
        return await api.call(service, rpc, request)

    async def stored(self, api: Installation, resource: Any) -> Any:
        """Return a resource as it is stored."""
        document = await self.document(api, resource.metadata.id)
        return self.parsed(api, document.json)

    async def document(self, api: Installation, name: str) -> pb.Document:
        """Return a resource as a document, by id or slug."""
        answer: pb.Document = await api.call(RESOURCES, "Get", pb.GetRequest(kind=self.kind, name=name, org=ORG))
        return answer

    async def listed(self, api: Installation) -> list[str]:
        """Return the ids of the resources that the test made and that are there, newest first."""
        return [one for one in await self._ids(api) if one not in self._before]

    async def _ids(self, api: Installation) -> list[str]:
        request, found = pb.ListRequest(kind=self.kind, org=self.org(api), page_size=3), []
        while True:
            page = await api.call(RESOURCES, "List", request)
            found += [item.id for item in page.items]
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def org(self, api: Installation) -> str:
        """Return the organization of the kind's resources, empty where they have none."""
        return ORG if self.declared(api).org_scoped else ""

    def reference(self, api: Installation, resource: Any) -> ApiResourceReference:
        """Return a reference to a resource."""
        number: Any = self.declared(api).number
        return ApiResourceReference(org=self.org(api), kind=number, slug=resource.metadata.slug)

    def parsed(self, api: Installation, text: str) -> Any:
        """Return the resource that a document's JSON is."""
        from google.protobuf import json_format  # noqa: PLC0415 - one method needs it

        return json_format.Parse(text, self.declared(api).message())

    async def _applied(self, api: Installation, resource: Any) -> Any:
        self.need_documents(api)
        answer = await api.call(RESOURCES, "Apply", pb.ApplyRequest(json=to_json(resource)))
        return self.parsed(api, answer.document.json)

    def changed(self, resource: Any) -> Any:
        """Return a copy of a resource with a changed spec."""
        other = copy_of(resource)
        self.change(other)
        return other


@contextlib.contextmanager
def refused(code: str, match: str | None = None) -> Iterator[None]:
    """Check that the call inside fails with a code."""
    with pytest.raises(grpc.aio.AioRpcError, match=match) as caught:
        yield
    assert caught.value.code().name == code, caught.value.details()


def _methods(service: str) -> Any:
    return descriptor_pool.Default().FindServiceByName(service).methods_by_name
