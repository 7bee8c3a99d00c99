"""Changing: by update, apply and updateVisibility; what stays, what is refused, and what happens at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from ai.stigmer.commons.apiresource.io_pb2 import UpdateVisibilityInput

from stigmer_core.resources.codec import copy_of
from stigmer_core.resources.visibility import level_number
from stigmer_core.testing.kind_conformance.subject import Subject, refused

if TYPE_CHECKING:
    from stigmer_core.testing.installation import Installation

_TOGETHER = 8
_RETIRED = 2  # visibility_public


class Changing(Subject):
    """Checks of `update`, `apply` and `updateVisibility`."""

    async def test_update_replaces_the_spec_and_keeps_identity(self, api: Installation) -> None:
        """Id, slug, organization and visibility stay, and who created it; a label that is not sent is gone."""
        self.need(api, "update")
        made = await self.make(api, "first")
        asked = self.changed(made)
        asked.metadata.labels["team"] = "a"
        await self.rpc(api, "update", asked)
        del asked.metadata.labels["team"]
        updated = await self.rpc(api, "update", asked)

        for field in ("id", "slug", "org", "visibility"):
            assert getattr(updated.metadata, field) == getattr(made.metadata, field)
        assert updated.spec != made.spec
        assert "team" not in updated.metadata.labels
        before, after = made.status.audit.spec_audit, updated.status.audit.spec_audit
        assert (after.created_at, after.event) == (before.created_at, "updated")
        assert await self.stored(api, made) == updated

    async def test_update_finds_it_by_its_slug(self, api: Installation) -> None:
        """Where no id is given."""
        self.need(api, "update")
        if not self.declared(api).unique_slug:
            pytest.skip(f"slugs of {self.kind} are not unique")
        made = await self.make(api, "first")
        asked = self.changed(made)
        asked.metadata.id = ""

        assert (await self.rpc(api, "update", asked)).metadata.id == made.metadata.id

    async def test_update_of_what_is_not_there(self, api: Installation) -> None:
        """NOT_FOUND, by id and by slug."""
        self.need(api, "update")
        asked = copy_of(await self.make(api, "first"))
        asked.metadata.id = f"{self.declared(api).id_prefix}_00000000000000000000000000"
        with refused("NOT_FOUND"):
            await self.rpc(api, "update", asked)
        asked.metadata.id, asked.metadata.slug = "", "other"
        with refused("NOT_FOUND"):
            await self.rpc(api, "update", asked)

    async def test_update_of_nothing_in_particular(self, api: Installation) -> None:
        """INVALID_ARGUMENT without id, name and slug."""
        self.need(api, "update")
        asked = self.changed(await self.make(api, "first"))
        for field in ("id", "name", "slug"):
            asked.metadata.ClearField(field)
        with refused("INVALID_ARGUMENT", "id or slug"):
            await self.rpc(api, "update", asked)

    async def test_update_leaves_the_visibility(self, api: Installation) -> None:
        """Whatever it says of it."""
        self.need(api, "update")
        made = await self.make(api, "first")
        asked = self.changed(made)
        asked.metadata.visibility = level_number("visibility_private")

        assert (await self.rpc(api, "update", asked)).metadata.visibility == made.metadata.visibility

    async def test_updates_at_once_are_all_whole(self, api: Installation) -> None:
        """Every one succeeds, one after the other, and the last one is what is stored."""
        self.need(api, "update")
        made = await self.make(api, "first")
        asked = [self.changed(made) for _ in range(_TOGETHER)]
        for number, one in enumerate(asked):
            one.metadata.labels["number"] = str(number)

        answers = await asyncio.gather(*(self.rpc(api, "update", one) for one in asked))

        assert sorted(answer.metadata.labels["number"] for answer in answers) == [str(n) for n in range(_TOGETHER)]
        assert await self.stored(api, made) in answers

    async def test_apply_creates_and_then_updates(self, api: Installation) -> None:
        """The same resource, by its slug; it never fails for lack of one."""
        self.need(api, "apply", "update")
        first = await self.rpc(api, "apply", self.resource("first"))
        second = await self.rpc(api, "apply", self.changed(self.resource("first")))

        assert first.metadata.id == second.metadata.id
        assert await self.listed(api) == [first.metadata.id]
        assert second.status.audit.spec_audit.event == "updated"

    async def test_of_applies_at_once_one_resource_comes(self, api: Installation) -> None:
        """Check and write are one transaction."""
        self.need(api, "apply", "update")
        calls = [self.rpc(api, "apply", self.resource("first")) for _ in range(_TOGETHER)]
        answers = await asyncio.gather(*calls)

        assert len({answer.metadata.id for answer in answers}) == 1
        assert len(await self.listed(api)) == 1

    async def test_visibility_is_changed_by_its_own_rpc(self, api: Installation) -> None:
        """To every level the kind has; the status slot is stamped, the spec's is not."""
        self.need(api, "updateVisibility")
        made = await self.make(api, "first")
        for level in self.declared(api).visibility_levels:
            request = UpdateVisibilityInput(resource_id=made.metadata.id)
            request.visibility = level_number(level)  # type: ignore[assignment]
            changed = await self.rpc(api, "updateVisibility", request)
            assert changed.metadata.visibility == request.visibility
            assert changed.status.audit.spec_audit == made.status.audit.spec_audit
            assert changed.status.audit.status_audit.event == "updated"

    async def test_a_level_that_is_retired_is_refused(self, api: Installation) -> None:
        """INVALID_ARGUMENT; that the resource is not there counts more: NOT_FOUND."""
        self.need(api, "updateVisibility")
        made = await self.make(api, "first")
        request = UpdateVisibilityInput(resource_id=made.metadata.id, visibility=_RETIRED)  # type: ignore[arg-type]
        with refused("INVALID_ARGUMENT"):
            await self.rpc(api, "updateVisibility", request)
        request.resource_id = f"{self.declared(api).id_prefix}_00000000000000000000000000"
        with refused("NOT_FOUND"):
            await self.rpc(api, "updateVisibility", request)
