"""The RPCs of Skill beyond the generic ones: what reads."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.skill.v1 import io_pb2
from ai.stigmer.agentic.skill.v1.api_pb2 import Skill

from stigmer_core.errors import FailedPreconditionError, NotFoundError
from stigmer_core.resources import page_token, token_position
from stigmer_core.uploads import find_content, get_content
from stigmer_plugin_skill._addresses import download_path, key_parts

if TYPE_CHECKING:
    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.server import Links
    from stigmer_core.store import Reader, Version
    from stigmer_core.uploads import Stored

LINK_LASTS = timedelta(hours=1)
MAX_INLINE_BYTES = 10 * 1024 * 1024 - 1024  # a message of 10 MB has more in it than the archive
_PAGE_CAP = 100


class SkillQueries:
    """Serves `getArtifact`, `getArtifactDownloadUrl` and `listVersions`."""

    def __init__(self, kind: Kind, resources: Resources, links: Links) -> None:
        self._kind = kind
        self._store = resources.store
        self._links = links

    async def get_artifact(self, request: io_pb2.GetArtifactRequest) -> io_pb2.GetArtifactResponse:
        """Return an archive by its storage key.

        Raises:
            NotFoundError: there is none under this key.
            FailedPreconditionError: it is too large for a message.
        """
        key = request.artifact_storage_key
        return await self._store.read_slowly(lambda reader: _inline(reader, key))

    async def get_artifact_download_url(self, request: io_pb2.GetArtifactRequest) -> io_pb2.SkillArtifactDownloadUrl:
        """Return a signed URL of an archive.

        Raises:
            NotFoundError: there is none under this key.
            FailedPreconditionError: there is no HTTP host.
        """
        key = request.artifact_storage_key
        skill_id, digest, stored = self._store.read(lambda reader: _stored(reader, key))
        return io_pb2.SkillArtifactDownloadUrl(
            url=self._links.signed(download_path(skill_id, digest), lasts=LINK_LASTS),
            ttl_seconds=int(LINK_LASTS.total_seconds()),
            size_bytes=stored.size_bytes,
        )

    async def list_versions(self, request: io_pb2.ListSkillVersionsInput) -> io_pb2.ListSkillVersionsResponse:
        """Return a skill's versions, newest first; without a page size all of them, up to 100."""
        size = min(request.page_size if request.page_size > 0 else _PAGE_CAP, _PAGE_CAP)
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


def _stored(reader: Reader, key: str) -> tuple[str, str, Stored]:
    parts = key_parts(key)
    found = parts and find_content(reader, *parts)
    if not parts or not found:
        raise NotFoundError("skill artifact", key)
    return *parts, found


def _inline(reader: Reader, key: str) -> io_pb2.GetArtifactResponse:
    _, _, stored = _stored(reader, key)
    if stored.size_bytes > MAX_INLINE_BYTES:
        raise FailedPreconditionError(
            f"{key} has {stored.size_bytes} bytes, more than a message carries: ask getArtifactDownloadUrl"
        )
    return io_pb2.GetArtifactResponse(artifact=get_content(reader, stored.content_id))


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
