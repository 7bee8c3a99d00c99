"""The RPCs of Skill beyond the generic ones."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.skill.v1 import io_pb2
from ai.stigmer.agentic.skill.v1.api_pb2 import Skill

from stigmer_core.errors import NotFoundError, UnimplementedError
from stigmer_core.resources import page_token, token_position
from stigmer_plugin_skill._archive import read_archive
from stigmer_plugin_skill._steps import keep_archive, tag_version
from stigmer_plugin_skill._store import get_archive

if TYPE_CHECKING:
    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader, Transaction, Version
    from stigmer_plugin_skill._archive import Archive

_KEY = re.compile(r"skills/(skl_[0-9a-z]{26})/([0-9a-f]{64})\.zip")
_PAGE_CAP = 100


class SkillCommands:
    """Serves `push`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources

    async def push(self, request: io_pb2.PushSkillRequest) -> Any:
        """Store an archive as the skill's current version; the same bytes again are no new version.

        Raises:
            InvalidArgumentError: the archive is unsafe, too large or no skill.
            UnimplementedError: it was staged over HTTP, which this server has no lane for.
        """
        if request.artifact_upload_ref:
            raise UnimplementedError("this server takes skills inline only: push an archive of at most 10 MB")
        archive = await asyncio.to_thread(read_archive, request.artifact)
        draft = self._resources.prepare(self._kind, _drafted(request, archive), creating=True)
        return await self._resources.store.run(lambda tx: self._pushed(tx, request, archive, draft))

    def _pushed(self, tx: Transaction, request: io_pb2.PushSkillRequest, archive: Archive, draft: Any) -> Any:
        metadata = draft.metadata
        existing = self._resources.find_in(tx, self._kind, metadata.org, metadata.slug)
        if existing is not None and existing.status.version_hash == archive.digest:
            tag_version(tx, existing, request.tag)
            return existing
        kind = replace(self._kind, after_write=lambda change: keep_archive(change, archive))
        draft.metadata.labels.update(existing.metadata.labels if existing is not None else {})
        draft.metadata.labels.update(request.labels)
        skill = self._resources.apply_in(tx, kind, draft)
        if request.HasField("git_provenance"):
            skill.status.git_provenance.CopyFrom(request.git_provenance)
            self._resources.save_in(tx, kind, skill, slot=None)
        return skill


class SkillQueries:
    """Serves `getArtifact` and `listVersions`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._store = resources.store

    async def get_artifact(self, request: io_pb2.GetArtifactRequest) -> io_pb2.GetArtifactResponse:
        """Return an archive by its storage key.

        Raises:
            NotFoundError: there is none under this key.
        """
        match = _KEY.fullmatch(request.artifact_storage_key)
        found = match and self._store.read(lambda reader: get_archive(reader, match.group(1), match.group(2)))
        if not found:
            raise NotFoundError("skill artifact", request.artifact_storage_key)
        return io_pb2.GetArtifactResponse(artifact=found)

    async def list_versions(self, request: io_pb2.ListSkillVersionsInput) -> io_pb2.ListSkillVersionsResponse:
        """Return a skill's versions, newest first; without a page size all of them, up to 100."""
        size = min(request.page_size or _PAGE_CAP, _PAGE_CAP)
        before = token_position(request)
        return self._store.read(lambda reader: self._versions(reader, request, size, before))

    def _versions(
        self, reader: Reader, request: Any, size: int, before: int | None
    ) -> io_pb2.ListSkillVersionsResponse:
        row = reader.find(self._kind.name, request.org, request.slug)
        if row is None:
            raise NotFoundError("Skill", request.slug, f"Skill not found: {request.org}/{request.slug}")
        head = Skill.FromString(row.body).status.version_hash
        versions = reader.versions(row.id, before=before, limit=size + 1)
        more = page_token(request, versions[size - 1].sequence) if len(versions) > size else ""
        entries = [_entry(version, head) for version in versions[:size]]
        total = reader.count_versions(row.id)
        return io_pb2.ListSkillVersionsResponse(versions=entries, next_page_token=more, total_count=total)


def _drafted(request: io_pb2.PushSkillRequest, archive: Archive) -> Skill:
    skill = Skill(api_version="agentic.stigmer.ai/v1", kind="Skill")
    skill.metadata.name, skill.metadata.org = archive.skill.name, request.org
    skill.metadata.version.message = request.message
    skill.spec.skill_md, skill.spec.tag = archive.skill.text, request.tag
    return skill


def _entry(version: Version, head: str) -> io_pb2.SkillVersionEntry:
    skill = Skill.FromString(version.body)
    entry = io_pb2.SkillVersionEntry(
        version_hash=version.hash,
        tag=version.tag,
        message=version.message,
        is_current=version.hash == head,
        artifact_storage_key=skill.status.artifact_storage_key,
    )
    entry.pushed_at.FromDatetime(version.created_at)
    entry.pushed_by.id = version.created_by
    if skill.status.HasField("git_provenance"):
        entry.git_provenance.CopyFrom(skill.status.git_provenance)
    return entry
