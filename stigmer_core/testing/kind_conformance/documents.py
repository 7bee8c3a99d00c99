"""As documents: what the command line and consoles see; listing, watching, and what a restart leaves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from stigmer_core.api.v1 import resources_pb2 as pb
from stigmer_core.resources.codec import to_json
from stigmer_core.testing.installation import installation
from stigmer_core.testing.kind_conformance.subject import ORG, RESOURCES, Subject, refused

if TYPE_CHECKING:
    from pathlib import Path

    from stigmer_core.testing.installation import Installation


class Documents(Subject):
    """Checks of ResourceService over the kind."""

    async def test_the_kind_is_listed(self, api: Installation) -> None:
        """With what a client needs to know."""
        kinds = await api.call(RESOURCES, "ListKinds", pb.ListKindsRequest())
        info = next(one for one in kinds.kinds if one.name == self.kind)

        declared = self.declared(api)
        assert (info.plural, info.id_prefix, info.api_version) == (
            declared.plural,
            declared.id_prefix,
            declared.api_version,
        )
        assert info.description
        assert info.plugin

    async def test_a_document_is_the_resource(self, api: Installation) -> None:
        """By id and by slug the same JSON, which is the resource again."""
        made = await self.make(api, "first")
        by_id, by_slug = [await self.document(api, name) for name in (made.metadata.id, made.metadata.slug)]

        assert by_id == by_slug
        assert self.parsed(api, by_id.json) == made
        with refused("NOT_FOUND", "nothing-of-the-name"):
            await self.document(api, "nothing-of-the-name")

    async def test_applying_what_is_stored_changes_nothing(self, api: Installation) -> None:
        """The revision stays."""
        self.need_documents(api)
        request = pb.ApplyRequest(json=to_json(self.resource("first")))
        first = await api.call(RESOURCES, "Apply", request)
        again = await api.call(RESOURCES, "Apply", request)

        assert (first.action, again.action) == (pb.CREATED, pb.UNCHANGED)
        assert first.document == again.document

    async def test_a_dry_run_writes_nothing(self, api: Installation) -> None:
        """It says what would be done."""
        self.need_documents(api)
        request = pb.ApplyRequest(json=to_json(self.resource("first")), dry_run=True)
        answer = await api.call(RESOURCES, "Apply", request)

        assert answer.action == pb.CREATED
        assert await self.listed(api) == []

    async def test_a_document_with_an_unknown_field_is_refused(self, api: Installation) -> None:
        """INVALID_ARGUMENT names it."""
        self.need_documents(api)
        document = json.loads(to_json(self.resource("first")))
        document["spec"] = {**document.get("spec", {}), "noSuchField": 1}
        with refused("INVALID_ARGUMENT", "noSuchField"):
            await api.call(RESOURCES, "Apply", pb.ApplyRequest(json=json.dumps(document)))

    async def test_pages_stay_right_while_others_write(self, api: Installation) -> None:
        """Every resource that was there is on exactly one page, newest first."""
        made = [(await self.make(api, f"item-{number}")).metadata.id for number in range(5)]
        request = pb.ListRequest(kind=self.kind, org=self.org(api), page_size=2)
        found: list[str] = []
        while request.page_token or not found:
            page = await api.call(RESOURCES, "List", request)
            found += [item.id for item in page.items]
            request.page_token = page.next_page_token
            await self.make(api, f"late-{len(found)}")

        assert [one for one in found if one not in self._before] == made[::-1]

    async def test_a_watch_sees_everything(self, api: Installation) -> None:
        """What is there, what comes, what changes, what goes; in order."""
        first = await self.make(api, "first")
        stream = api.stream(RESOURCES, "Watch", pb.WatchRequest(kind=self.kind, org=self.org(api)))
        events = [await stream.read()]
        while events[-1].type != pb.WatchEvent.SYNCED:
            events.append(await stream.read())
        second = await self.make(api, "second")
        events.append(await stream.read())
        stream.cancel()

        *present, synced, added = events
        assert {pb.WatchEvent.Type.Name(event.type) for event in present} == {"CHANGED"}
        assert {event.document.id for event in present} - self._before == {first.metadata.id}
        assert (added.type, added.document.id) == (pb.WatchEvent.ADDED, second.metadata.id)
        assert max(event.revision for event in present) <= synced.revision < added.revision

    async def test_a_restart_leaves_it_as_it_was(self, tmp_path: Path) -> None:
        """What was acknowledged is there, byte for byte."""
        async with installation(tmp_path / "home", **self.settings) as api:
            await self.prepare(api)
            made = await self.make(api, "first")
        async with installation(tmp_path / "home", **self.settings) as api:
            assert await self.stored(api, made) == made
            assert made.metadata.id in await self.listed(api)

    async def test_another_organization_does_not_see_it(self, api: Installation) -> None:
        """Neither in a list nor by its slug, where resources belong to one."""
        if not self.declared(api).org_scoped:
            return
        made = await self.make(api, "first")
        page = await api.call(RESOURCES, "List", pb.ListRequest(kind=self.kind, org="other"))
        with refused("NOT_FOUND"):
            await api.call(RESOURCES, "Get", pb.GetRequest(kind=self.kind, name=made.metadata.slug, org="other"))

        assert list(page.items) == []
        assert made.metadata.org == ORG
