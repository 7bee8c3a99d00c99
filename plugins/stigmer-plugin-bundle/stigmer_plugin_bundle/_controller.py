"""The RPCs of bundles beyond the generic ones."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.plugin.v1 import io_pb2
from ai.stigmer.agentic.plugin.v1.api_pb2 import Plugin

from stigmer_core.archives import LIMITS
from stigmer_core.errors import NotFoundError
from stigmer_core.resources import page_token, token_position
from stigmer_core.uploads import Uploads, put_content
from stigmer_plugin_bundle._archive import Archive
from stigmer_plugin_bundle._drafts import draft_members
from stigmer_plugin_bundle._installation import Push, install
from stigmer_plugin_bundle._members import members_in, set_member_visibility

if TYPE_CHECKING:
    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.server import Links
    from stigmer_core.store import Reader, Transaction, Version

_PAGE_CAP = 100


class BundleCommands:
    """Serves `push`, `createArtifactUploadUrl` and `updateVisibility`."""

    def __init__(self, kind: Kind, resources: Resources, links: Links) -> None:
        self._kind = kind
        self._resources = resources
        self._store = resources.store
        self._uploads = Uploads(kind.name, resources.store, links, most_bytes=LIMITS.archive_bytes)

    async def push(self, request: io_pb2.PushPluginRequest) -> Any:
        """Install an archive as the bundle's current version; the same bytes again change nothing.

        Raises:
            InvalidArgumentError: the archive is unsafe, too large, or has no good manifest.
            NotFoundError: there is no such upload, or it has expired.
            FailedPreconditionError: the upload is not there yet, used, or of another organisation; or the kind of a
                member is not installed.
            AlreadyExistsError: a member would take the slug of something else.
        """
        content = request.artifact or await self._uploads.read(request.artifact_upload_ref, request.org)
        push = await asyncio.to_thread(self._read, request, content)
        return await self._store.run(lambda tx: self._pushed(tx, request, push))

    async def create_artifact_upload_url(
        self, request: io_pb2.CreatePluginArtifactUploadUrlRequest
    ) -> io_pb2.PluginArtifactUploadUrl:
        """Return where to PUT an archive.

        Raises:
            InvalidArgumentError: it is larger than 100 MB.
            FailedPreconditionError: the server has no HTTP host.
        """
        offer = await self._uploads.offer(request.org, request.size_bytes)
        return io_pb2.PluginArtifactUploadUrl(
            url=offer.url, artifact_upload_ref=offer.upload_id, ttl_seconds=int(offer.lasts.total_seconds())
        )

    async def update_visibility(self, request: Any) -> Any:
        """Change who sees a bundle and all its members."""

        def change(tx: Transaction) -> Any:
            bundle = self._resources.set_visibility_in(tx, self._kind, request.resource_id, request.visibility)
            set_member_visibility(tx, self._resources, bundle, request.visibility)
            return bundle

        return await self._store.run(change)

    def _read(self, request: io_pb2.PushPluginRequest, content: bytes) -> Push:
        archive = Archive(content)
        drafts = draft_members(self._resources, archive, request.org)
        return Push(request, archive, drafts)

    def _pushed(self, tx: Transaction, request: io_pb2.PushPluginRequest, push: Push) -> Any:
        reference = request.artifact_upload_ref
        content_id = self._uploads.take(tx, reference, request.org) if reference else put_content(tx, request.artifact)
        return install(tx, self._resources, self._kind, push, content_id)


class BundleQueries:
    """Serves `listMembers` and `listVersions`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources
        self._store = resources.store

    async def list_members(self, request: io_pb2.PluginId) -> io_pb2.ListPluginMembersResponse:
        """Return the members of a bundle: skills, MCP servers, agents."""
        return self._store.read(lambda reader: self._members(reader, request.value))

    async def list_versions(self, request: io_pb2.ListPluginVersionsInput) -> io_pb2.ListPluginVersionsResponse:
        """Return a bundle's versions, newest first; without a page size all of them, up to 100."""
        size = min(request.page_size if request.page_size > 0 else _PAGE_CAP, _PAGE_CAP)
        before = token_position(request)
        return self._store.read(lambda reader: self._versions(reader, request, size, before))

    def _members(self, reader: Reader, bundle_id: str) -> io_pb2.ListPluginMembersResponse:
        bundle = self._resources.get_in(reader, self._kind, bundle_id)
        response = io_pb2.ListPluginMembersResponse()
        for kind, member in members_in(reader, self._resources, bundle):
            metadata = member.metadata
            number: Any = kind.number
            response.members.add(kind=number, id=metadata.id, slug=metadata.slug, name=metadata.name)
        return response

    def _versions(
        self, reader: Reader, request: Any, size: int, before: int | None
    ) -> io_pb2.ListPluginVersionsResponse:
        row = reader.find(self._kind.name, request.org, request.slug)
        if row is None:
            label = self._kind.label()
            raise NotFoundError(label, request.slug, f"{label} not found: {request.org}/{request.slug}")
        head = Plugin.FromString(row.body).status.digest
        versions = reader.versions(row.id, before=before, limit=size + 1)
        more = page_token(request, versions[size - 1].sequence) if len(versions) > size else ""
        entries = [_entry(version, head) for version in versions[:size]]
        total = reader.count_versions(row.id)
        return io_pb2.ListPluginVersionsResponse(versions=entries, next_page_token=more, total_count=total)


def _entry(version: Version, head: str) -> io_pb2.PluginVersionEntry:
    entry = io_pb2.PluginVersionEntry(
        digest=version.hash,
        tag=version.tag,
        message=version.message,
        is_current=version.hash == head,
        artifact_storage_key=Plugin.FromString(version.body).status.artifact_storage_key,
    )
    entry.pushed_at.FromDatetime(version.created_at)
    entry.pushed_by.id = version.created_by
    return entry
