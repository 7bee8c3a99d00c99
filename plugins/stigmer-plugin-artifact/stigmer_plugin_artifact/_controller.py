"""The RPCs of Artifact; `get` is the generic one."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.artifact.v1 import io_pb2
from ai.stigmer.agentic.artifact.v1.api_pb2 import Artifact

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.resources.slug import derive_slug
from stigmer_plugin_artifact._listing import run_artifacts
from stigmer_plugin_artifact._reading import download_path, readable_in
from stigmer_plugin_artifact._removal import discard_in
from stigmer_plugin_artifact._retention import utc_now
from stigmer_plugin_artifact._steps import with_content
from stigmer_plugin_artifact._store import Blob, content_of

if TYPE_CHECKING:
    from ai.stigmer.agentic.artifact.v1.spec_pb2 import ArtifactSpec
    from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceId

    from stigmer_core import Kind
    from stigmer_core.kind import Encoded
    from stigmer_core.resources import Resources
    from stigmer_core.server import Links
    from stigmer_core.store import Reader
    from stigmer_plugin_artifact._retention import Clock

LINK_LASTS = timedelta(days=7)


class ArtifactCommands:
    """Serves `create` and `delete`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources

    async def create(self, request: io_pb2.CreateArtifactInput) -> Any:
        """Store content and return what the server knows of it."""
        blob = await asyncio.to_thread(_blob, request.content)
        kind = with_content(self._kind, blob)
        draft = self._resources.prepare(kind, _drafted(request.spec), creating=True)
        return await self._resources.store.run(lambda tx: self._resources.create_in(tx, kind, draft))

    async def delete(self, request: ApiResourceId) -> Any:
        """Drop an artifact's content and return the record, which stays; twice is fine."""
        return await self._resources.store.run(lambda tx: discard_in(tx, self._kind, self._resources, request.value))


class ArtifactQueries:
    """Serves `listByExecution`, `getDownloadUrl` and `getContent`."""

    def __init__(self, kind: Kind, resources: Resources, links: Links, *, clock: Clock = utc_now) -> None:
        self._kind = kind
        self._resources = resources
        self._links = links
        self._clock = clock

    async def list_by_execution(self, request: io_pb2.ListArtifactsByExecutionRequest) -> Encoded:
        """Return what a run left behind, newest first."""
        return self._resources.store.read(lambda reader: run_artifacts(reader, self._kind, request))

    async def get_download_url(self, request: io_pb2.ArtifactId) -> io_pb2.ArtifactDownloadUrl:
        """Return a signed URL of an artifact's content.

        Raises:
            FailedPreconditionError: the content has gone, or there is no HTTP host.
        """
        artifact = self._resources.store.read(lambda reader: self._readable(reader, request.value))
        return io_pb2.ArtifactDownloadUrl(
            url=self._links.signed(download_path(request.value), lasts=LINK_LASTS),
            ttl_seconds=int(LINK_LASTS.total_seconds()),
            size_bytes=artifact.status.size_bytes,
            content_type=artifact.spec.content_type,
        )

    async def get_content(self, request: io_pb2.GetArtifactContentRequest) -> io_pb2.GetArtifactContentResponse:
        """Return an artifact's content, or the first `max_bytes` of it.

        Raises:
            InvalidArgumentError: `max_bytes` is negative.
            FailedPreconditionError: the content has gone.
        """
        if request.max_bytes < 0:
            raise InvalidArgumentError(f"max_bytes cannot be {request.max_bytes}: 0 or nothing is all of it")
        return await self._resources.store.read_slowly(lambda reader: self._content(reader, request))

    def _content(self, reader: Reader, request: io_pb2.GetArtifactContentRequest) -> io_pb2.GetArtifactContentResponse:
        artifact = self._readable(reader, request.artifact_id)
        total = artifact.status.size_bytes
        content = content_of(reader, request.artifact_id, min(request.max_bytes or total, total))
        return io_pb2.GetArtifactContentResponse(
            content=content,
            content_type=artifact.spec.content_type,
            total_size_bytes=total,
            truncated=len(content) < total,
        )

    def _readable(self, reader: Reader, artifact_id: str) -> Any:
        return readable_in(reader, self._kind, self._resources, artifact_id, self._clock())


def _blob(content: bytes) -> Blob:
    return Blob(content, hashlib.sha256(content).hexdigest())


def _drafted(spec: ArtifactSpec) -> Artifact:
    artifact = Artifact(api_version="agentic.stigmer.ai/v1", kind="Artifact", spec=spec)
    artifact.metadata.name = spec.display_name
    artifact.metadata.slug = _slug(spec.display_name)
    return artifact


def _slug(display_name: str) -> str:
    """Return a slug for any name: `artifact-7-dwarfs` where the name alone gives none."""
    try:
        return derive_slug(display_name)
    except InvalidArgumentError:
        return derive_slug(f"artifact-{display_name}")
