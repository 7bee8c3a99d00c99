"""Deleting: what is answered, what is left, and what can be made again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from stigmer_core.testing.kind_conformance.subject import Subject, refused

if TYPE_CHECKING:
    from stigmer_core.store import Reader
    from stigmer_core.testing.installation import Installation

_TRACES = (
    "SELECT count(*) FROM indexes WHERE kind = ?1 AND ?2 = ?2",
    "SELECT count(*) FROM resources WHERE kind = ?1 AND ?2 = ?2",
    "SELECT count(*) FROM versions WHERE resource_id = ?2 AND ?1 = ?1",
    "SELECT count(*) FROM secrets WHERE resource_id = ?2 AND ?1 = ?1",
    "SELECT count(*) FROM events WHERE stream = ?2 AND ?1 = ?1",
)


class Deleting(Subject):
    """Checks of `delete`."""

    soft_delete: ClassVar[bool] = False  # whether a deleted resource stays readable

    async def test_delete_answers_with_the_last_state(self, api: Installation) -> None:
        """And it is not there any more."""
        self.need(api, "delete")
        made = await self.make(api, "first")

        deleted = await self.by_id(api, "delete", made.metadata.id)

        assert deleted.metadata == made.metadata
        self._skip_soft()
        assert deleted == made
        with refused("NOT_FOUND", made.metadata.id):
            await self.document(api, made.metadata.id)
        assert await self.listed(api) == []

    async def test_delete_of_what_is_not_there(self, api: Installation) -> None:
        """NOT_FOUND; without an id INVALID_ARGUMENT."""
        self.need(api, "delete")
        with refused("NOT_FOUND"):
            await self.by_id(api, "delete", f"{self.declared(api).id_prefix}_00000000000000000000000000")
        with refused("INVALID_ARGUMENT"):
            await self.by_id(api, "delete", "")

    async def test_delete_leaves_no_trace(self, api: Installation) -> None:
        """No index entry, version, secret or event; the next resource of the name is another one."""
        self.need(api, "delete")
        self._skip_soft()
        before = api.app.store.read(lambda reader: self._traces(reader, ""))
        made = await self.make(api, "first")
        await self.by_id(api, "delete", made.metadata.id)

        assert api.app.store.read(lambda reader: self._traces(reader, made.metadata.id)) == before
        assert (await self.make(api, "first")).metadata.id != made.metadata.id or self.declared(api).id_is_slug

    def _traces(self, reader: Reader, resource_id: str) -> list[int]:
        return [reader.execute(sql, (self.kind, resource_id))[0][0] for sql in _TRACES]

    def _skip_soft(self) -> None:
        if self.soft_delete:
            pytest.skip(f"{self.kind} stays readable when it is deleted")
