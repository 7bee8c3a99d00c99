"""Creating: what the server fills in, what it refuses, and who wins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from stigmer_core.resources.visibility import level_number
from stigmer_core.testing.kind_conformance.subject import Subject, refused

if TYPE_CHECKING:
    from stigmer_core.testing.installation import Installation

_TOGETHER = 8
_LEVELS = ("visibility_private", "visibility_org", "visibility_platform")


class Creating(Subject):
    """Checks of `create`."""

    async def test_create_answers_with_what_is_stored(self, api: Installation) -> None:
        """The answer is the resource, whole."""
        made = await self.make(api, "first")

        assert await self.stored(api, made) == made

    async def test_create_mints_an_id_of_the_kind(self, api: Installation) -> None:
        """The kind's prefix and 26 characters that rise; or the slug where that is the id."""
        made, kind = await self.make(api, "first"), self.declared(api)

        prefix, _, rest = made.metadata.id.partition("_")
        expected = (made.metadata.slug, "", "") if kind.id_is_slug else (kind.id_prefix, "_", rest)
        assert (prefix, "_" if rest else "", rest) == expected
        assert kind.id_is_slug or len(rest) == 26  # noqa: PLR2004 - a ULID's length

    async def test_create_derives_the_slug_from_the_name(self, api: Installation) -> None:
        """Lower case, spaces to dashes, anything else dropped."""
        self.need(api, "create")
        made = await self.rpc(api, "create", self._named("My First #1", ""))

        assert (made.metadata.name, made.metadata.slug) == ("My First #1", "my-first-1")

    async def test_create_keeps_a_given_slug(self, api: Installation) -> None:
        """Whatever the name is."""
        self.need(api, "create")
        made = await self.rpc(api, "create", self._named("First", "my-slug"))

        assert made.metadata.slug == "my-slug"

    async def test_create_stamps_both_audits_alike(self, api: Installation) -> None:
        """Event `created`; what a client says of status is dropped."""
        self.need(api, "create")
        asked = self.resource("first")
        asked.status.audit.spec_audit.event = "mine"
        made = await self.rpc(api, "create", asked)

        audit = made.status.audit
        assert audit.spec_audit == audit.status_audit
        assert (audit.spec_audit.event, audit.spec_audit.HasField("created_at")) == ("created", True)

    async def test_create_ignores_an_id(self, api: Installation) -> None:
        """Ids are the server's."""
        self.need(api, "create")
        asked = self.resource("first")
        asked.metadata.id = f"{self.declared(api).id_prefix}_mine"
        made = await self.rpc(api, "create", asked)

        assert made.metadata.id != asked.metadata.id

    async def test_create_gives_the_default_visibility(self, api: Installation) -> None:
        """When none is asked for."""
        made = await self.make(api, "first")

        assert made.metadata.visibility == level_number(self.declared(api).default_visibility)

    async def test_create_keeps_labels_annotations_and_tags(self, api: Installation) -> None:
        """As they were sent."""
        self.need(api, "create")
        asked = self.resource("first")
        asked.metadata.labels["team"], asked.metadata.annotations["note"] = "a", "b"
        asked.metadata.tags.extend(["x", "y"])
        made = await self.rpc(api, "create", asked)

        assert (made.metadata.labels["team"], made.metadata.annotations["note"]) == ("a", "b")
        assert {"x", "y"} <= set(made.metadata.tags)

    async def test_create_refuses_a_taken_slug(self, api: Installation) -> None:
        """ALREADY_EXISTS names it; nothing else is written."""
        self.need(api, "create")
        if not self.declared(api).unique_slug:
            pytest.skip(f"slugs of {self.kind} are not unique")
        made = await self.rpc(api, "create", self.resource("first"))

        with refused("ALREADY_EXISTS", made.metadata.slug):
            await self.rpc(api, "create", self.resource("first"))
        assert await self.listed(api) == [made.metadata.id]

    async def test_create_refuses_a_resource_without_a_name(self, api: Installation) -> None:
        """Neither name nor slug: INVALID_ARGUMENT."""
        self.need(api, "create")
        if self.names_itself:
            pytest.skip(f"{self.kind} makes a name where none is given")
        with refused("INVALID_ARGUMENT"):
            await self.rpc(api, "create", self._named("", ""))
        assert await self.listed(api) == []

    @pytest.mark.parametrize("slug", ["UPPER", "-dash", "dash-", "a", "9lives", "a b", "ünï", "a_b", "../x"])
    async def test_create_refuses_what_is_no_slug(self, api: Installation, slug: str) -> None:
        """INVALID_ARGUMENT."""
        self.need(api, "create")
        with refused("INVALID_ARGUMENT"):
            await self.rpc(api, "create", self._named("first", slug))

    @pytest.mark.parametrize("field", ["api_version", "kind"])
    async def test_create_refuses_another_kind_or_version(self, api: Installation, field: str) -> None:
        """INVALID_ARGUMENT."""
        self.need(api, "create")
        asked = self.resource("first")
        setattr(asked, field, "other")
        with refused("INVALID_ARGUMENT"):
            await self.rpc(api, "create", asked)

    async def test_create_refuses_a_reserved_label(self, api: Installation) -> None:
        """Labels of the platform are the server's: INVALID_ARGUMENT."""
        self.need(api, "create")
        asked = self.resource("first")
        asked.metadata.labels["stigmer.ai/mine"] = "1"
        with refused("INVALID_ARGUMENT", "stigmer.ai/mine"):
            await self.rpc(api, "create", asked)

    async def test_create_refuses_a_visibility_it_does_not_have(self, api: Installation) -> None:
        """INVALID_ARGUMENT says which there are."""
        self.need(api, "create")
        lacking = [level for level in _LEVELS if level not in self.declared(api).visibility_levels]
        if not lacking:
            pytest.skip(f"{self.kind} has every level")
        asked = self.resource("first")
        asked.metadata.visibility = level_number(lacking[0])
        with refused("INVALID_ARGUMENT", "Supported visibility levels"):
            await self.rpc(api, "create", asked)

    async def test_of_creates_at_once_one_wins(self, api: Installation) -> None:
        """Check and write are one transaction."""
        self.need(api, "create")
        if not self.declared(api).unique_slug:
            pytest.skip(f"slugs of {self.kind} are not unique")
        calls = [self.rpc(api, "create", self.resource("first")) for _ in range(_TOGETHER)]
        results = await asyncio.gather(*calls, return_exceptions=True)

        failed = [one for one in results if isinstance(one, grpc.aio.AioRpcError)]
        assert {one.code().name for one in failed} == {"ALREADY_EXISTS"}
        assert (len(failed), len(await self.listed(api))) == (_TOGETHER - 1, 1)

    def _named(self, name: str, slug: str) -> Any:
        asked = self.resource("first")
        asked.metadata.name, asked.metadata.slug = name, slug
        return asked
