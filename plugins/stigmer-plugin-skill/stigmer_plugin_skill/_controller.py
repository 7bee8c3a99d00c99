"""The RPCs of Skill beyond the generic ones: what writes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.skill.v1 import io_pb2
from ai.stigmer.agentic.skill.v1.api_pb2 import Skill

from stigmer_core.errors import InvalidArgumentError
from stigmer_plugin_skill._addresses import upload_path
from stigmer_plugin_skill._archive import MAX_ARCHIVE_BYTES, read_archive
from stigmer_plugin_skill._execution_artifact import execution_artifact
from stigmer_plugin_skill._steps import keep_archive, tag_version
from stigmer_plugin_skill._store import drop_content, get_content, put_content
from stigmer_plugin_skill._uploads import LASTS, complete_upload, new_upload_id, open_upload, take_upload

if TYPE_CHECKING:
    import grpc.aio

    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.server import Links
    from stigmer_core.store import Reader, Transaction
    from stigmer_plugin_skill._archive import Archive


class SkillCommands:
    """Serves `push`, `createArtifactUploadUrl` and `pushFromExecutionArtifact`."""

    def __init__(self, kind: Kind, resources: Resources, channel: grpc.aio.Channel, links: Links) -> None:
        self._kind = kind
        self._resources = resources
        self._store = resources.store
        self._channel = channel
        self._links = links

    async def push(self, request: io_pb2.PushSkillRequest) -> Any:
        """Store an archive as the skill's current version; the same bytes again are no new version.

        Raises:
            InvalidArgumentError: the archive is unsafe, too large or no skill, or its upload cannot be used.
        """
        content = request.artifact or await self._store.read_slowly(lambda reader: _uploaded(reader, request))
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
        if request.size_bytes > MAX_ARCHIVE_BYTES:
            raise InvalidArgumentError(
                f"an archive of {request.size_bytes} bytes is not taken: {MAX_ARCHIVE_BYTES} are the most"
            )
        upload_id = new_upload_id()
        url = self._links.signed(upload_path(upload_id), lasts=LASTS)
        await self._store.run(lambda tx: open_upload(tx, upload_id, request.org, request.size_bytes))
        return io_pb2.SkillArtifactUploadUrl(
            url=url, artifact_upload_ref=upload_id, ttl_seconds=int(LASTS.total_seconds())
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
        uploaded = take_upload(tx, request.artifact_upload_ref, request.org) if request.artifact_upload_ref else None
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


def _uploaded(reader: Reader, request: io_pb2.PushSkillRequest) -> bytes:
    now = datetime.now(UTC)
    return get_content(reader, complete_upload(reader, request.artifact_upload_ref, request.org, now))


def _drafted(request: io_pb2.PushSkillRequest, archive: Archive) -> Skill:
    skill = Skill(api_version="agentic.stigmer.ai/v1", kind="Skill")
    skill.metadata.name, skill.metadata.org = archive.skill.name, request.org
    skill.metadata.version.message = request.message
    skill.spec.skill_md, skill.spec.tag = archive.skill.text, request.tag
    return skill
