"""Reading: by id, by reference, by text; and what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.protobuf import descriptor_pool, message_factory

from stigmer_core.testing.kind_conformance.subject import Subject, refused

if TYPE_CHECKING:
    from stigmer_core.testing.installation import Installation

_SEARCH = "ai.stigmer.search.v1.SearchService"
_ORGANIZATION = 30


class Reading(Subject):
    """Checks of `get`, `getByReference` and search."""

    async def test_get_answers_with_what_is_stored(self, api: Installation) -> None:
        """Byte for byte."""
        self.need(api, "get")
        made = await self.make(api, "first")

        assert await self.by_id(api, "get", made.metadata.id) == made

    async def test_get_of_what_is_not_there(self, api: Installation) -> None:
        """NOT_FOUND names the kind and the id."""
        self.need(api, "get")
        missing = f"{self.declared(api).id_prefix}_00000000000000000000000000"
        with refused("NOT_FOUND", missing):
            await self.by_id(api, "get", missing)

    async def test_get_without_an_id(self, api: Installation) -> None:
        """INVALID_ARGUMENT."""
        self.need(api, "get")
        with refused("INVALID_ARGUMENT"):
            await self.by_id(api, "get", "")

    @pytest.mark.parametrize(
        "other", ["'; DROP TABLE resources; --", "../../etc/passwd", "x" * 5_000, "\u202e", "local"]
    )
    async def test_get_of_what_is_no_id(self, api: Installation, other: str) -> None:
        """NOT_FOUND, whatever it is; an id of another kind too."""
        self.need(api, "get")
        if self.kind == "Organization":
            pytest.skip("the id of an organization is its slug")
        with refused("NOT_FOUND"):
            await self.by_id(api, "get", other)

    async def test_a_reference_finds_it(self, api: Installation) -> None:
        """By organization and slug, with or without the kind's number, and by `latest`."""
        self.need(api, "getByReference")
        made = await self.make(api, "first")
        reference = self.reference(api, made)

        found = [await self.rpc(api, "getByReference", reference)]
        reference.version = "latest"
        found.append(await self.rpc(api, "getByReference", reference))
        reference.ClearField("kind")
        found.append(await self.rpc(api, "getByReference", reference))

        assert found == [made] * 3

    async def test_a_reference_to_nothing(self, api: Installation) -> None:
        """NOT_FOUND; so is one to a version that does not exist."""
        self.need(api, "getByReference")
        reference = self.reference(api, await self.make(api, "first"))
        reference.version = "no-such-tag"
        with refused("NOT_FOUND"):
            await self.rpc(api, "getByReference", reference)
        reference.slug, reference.version = "other", ""
        with refused("NOT_FOUND", "other"):
            await self.rpc(api, "getByReference", reference)

    async def test_a_reference_to_another_kind(self, api: Installation) -> None:
        """INVALID_ARGUMENT says which was expected."""
        self.need(api, "getByReference")
        reference = self.reference(api, await self.make(api, "first"))
        if reference.kind in (0, _ORGANIZATION):
            pytest.skip(f"{self.kind} has no number that another could be mistaken for")
        reference.kind = _ORGANIZATION  # type: ignore[assignment]
        with refused("INVALID_ARGUMENT", "kind mismatch"):
            await self.rpc(api, "getByReference", reference)

    async def test_a_reference_without_an_organization(self, api: Installation) -> None:
        """INVALID_ARGUMENT where resources belong to one."""
        self.need(api, "getByReference")
        if not self.declared(api).org_scoped:
            pytest.skip(f"{self.kind} belongs to no organization")
        reference = self.reference(api, await self.make(api, "first"))
        reference.org = ""
        with refused("INVALID_ARGUMENT", "org"):
            await self.rpc(api, "getByReference", reference)

    async def test_search_finds_it_at_once_or_never(self, api: Installation) -> None:
        """As the kind declares; a deleted resource is not found any more."""
        kind = self.declared(api)
        if not kind.number or not api.app.dispatcher.serves(f"/{_SEARCH}/search"):
            pytest.skip("nothing here searches this kind")
        made = await self.make(api, "Zebrafinch one")
        request_type = descriptor_pool.Default().FindMessageTypeByName("ai.stigmer.search.v1.SearchRequest")
        request = message_factory.GetMessageClass(request_type)(kinds=[kind.number], query="zebrafin")

        found = await api.call(_SEARCH, "search", request)

        assert [entry.id for entry in found.entries] == ([made.metadata.id] if kind.searchable else [])
