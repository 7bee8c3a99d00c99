"""The RPCs of Skill beyond the generic ones: what writes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.skill.v1 import io_pb2
from ai.stigmer.agentic.skill.v1.api_pb2 import Skill

from stigmer_core.archives import LIMITS
from stigmer_core.uploads import Uploads, drop_content, put_content
from stigmer_plugin_skill._archive import read_archive
from stigmer_plugin_skill._execution_artifact import execution_artifact
from stigmer_plugin_skill._steps import keep_archive, tag_version

if TYPE_CHECKING:
    import grpc.aio

    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.server import Links
    from stigmer_core.store import Transaction
    from stigmer_plugin_skill._archive import Archive


class SkillCommands:
    """Serves `push`, `createArtifactUploadUrl` and `pushFromExecutionArtifact`."""

    def __init__(self, kind: Kind, resources: Resources, channel: grpc.aio.Channel, links: Links) -> None:
        self._kind = kind
        self._resources = resources
        self._store = resources.store
        self._channel = channel
        self._uploads = Uploads(kind.name, resources.store, links, most_bytes=LIMITS.archive_bytes)

    async def push(self, request: io_pb2.PushSkillRequest) -> Any:
        """Store an archive as the skill's current version; the same bytes again are no new version.

        Raises:
            InvalidArgumentError: the archive is unsafe, too large or no skill.
            NotFoundError: there is no such upload, or it has expired.
            FailedPreconditionError: the upload is not there yet, used, or of another organisation.
        """
        content = request.artifact or await self._uploads.read(request.artifact_upload_ref, request.org)
        archive = await asyncio.to_thread(read_archive, content)
        draft = self._resources.prepare(self._kind, _drafted(request, archive), creating=True)
        return await self._store.run(lambda tx: self._pushed(tx, request, archive, draft))

    async def create_artifact_upload_url(
        self, request: io_pb2.CreateSkillArtifactUploadUrlRequest
    ) -> io_pb2.SkillArtifactUploadUrl:
        """Return a URL that takes one archive of the announced size.

        Raises:
            InvalidArgumentError: no archive may be so large.
            FailedPreconditionError: there is no HTTP host.
        """
        offer = await self._uploads.offer(request.org, request.size_bytes)
        return io_pb2.SkillArtifactUploadUrl(
            url=offer.url, artifact_upload_ref=offer.upload_id, ttl_seconds=int(offer.lasts.total_seconds())
        )

    async def push_from_execution_artifact(self, request: io_pb2.PushSkillFromExecutionArtifactRequest) -> Any:
        """Push an archive that a run left behind.

        Raises:
            InvalidArgumentError: it is another run's, or no good archive.
            NotFoundError: the run has left no such artifact.
            FailedPreconditionError: nobody serves artifacts here, or its content has gone.
        """
        content = await execution_artifact(self._channel, request.execution_id, request.storage_key)
        return await self.push(io_pb2.PushSkillRequest(org=request.org, artifact=content, tag=request.tag))

    def _pushed(self, tx: Transaction, request: io_pb2.PushSkillRequest, archive: Archive, draft: Any) -> Any:
        reference = request.artifact_upload_ref
        uploaded = self._uploads.take(tx, reference, request.org) if reference else None
        metadata = draft.metadata
        existing = self._resources.find_in(tx, self._kind, metadata.org, metadata.slug)
        if existing is not None and existing.status.version_hash == archive.digest:
            if uploaded is not None:
                drop_content(tx, uploaded)
            return self._tagged(tx, existing, request.tag)
        content_id = put_content(tx, request.artifact) if uploaded is None else uploaded
        provenance = request.git_provenance if request.HasField("git_provenance") else None
        kind = replace(
            self._kind, after_write=lambda change: keep_archive(change, archive.digest, content_id, provenance)
        )
        draft.metadata.labels.update(existing.metadata.labels if existing is not None else {})
        draft.metadata.labels.update(request.labels)
        return self._resources.apply_in(tx, kind, draft)

    def _tagged(self, tx: Transaction, skill: Any, tag: str) -> Any:
        """Return a skill whose current version has a tag, if one was asked for; that makes no new version."""
        tag_version(tx, skill, tag)
        if tag in ("", skill.spec.tag):
            return skill
        skill.spec.tag = tag
        return self._resources.save_in(tx, self._kind, skill, slot="spec_audit")


def _drafted(request: io_pb2.PushSkillRequest, archive: Archive) -> Skill:
    skill = Skill(api_version="agentic.stigmer.ai/v1", kind="Skill")
    skill.metadata.name, skill.metadata.org = archive.skill.name, request.org
    skill.metadata.version.message = request.message
    skill.spec.skill_md, skill.spec.tag = archive.skill.text, request.tag
    return skill
