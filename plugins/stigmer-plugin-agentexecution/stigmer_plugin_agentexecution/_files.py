"""The files of a run: attachments that come in, artifacts and outputs that go out."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.agentexecution.v1 import io_pb2

from stigmer_core.errors import InvalidArgumentError, NotFoundError
from stigmer_plugin_agentexecution._status import wire_time
from stigmer_plugin_agentexecution._store import StoredFile, get_file, put_file
from stigmer_plugin_agentexecution._transcript import tool_calls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.server import Links
    from stigmer_core.store import Reader

LINK_LASTS = timedelta(days=7)
PATH = "/agentexecutions"
_DEFAULT_TYPE = "application/octet-stream"
_MOST_BYTES = 9 * 1024 * 1024  # a response of gRPC's has 10 MB
_UNPACKED_BYTES = 64 * 1024 * 1024
_SAFE = re.compile(r"[^A-Za-z0-9._-]+")


class Files:
    """Keeps and finds files by their storage keys; a key is looked up, never made a path of."""

    def __init__(self, kind: Kind, resources: Resources, links: Links) -> None:
        self._kind = kind
        self._resources = resources
        self._links = links

    async def upload(self, request: io_pb2.UploadAttachmentRequest) -> io_pb2.UploadAttachmentResponse:
        """Keep a file and return the key to name it by."""
        unique = self._resources.new_id(self._kind).partition("_")[2]
        name = _SAFE.sub("-", request.filename).strip("-.") or "file"
        storage_key = f"attachments/{unique}/{name}"
        file = StoredFile(request.filename, request.content_type or _DEFAULT_TYPE, request.content)
        await self._resources.store.run(lambda tx: put_file(tx, storage_key, file))
        return io_pb2.UploadAttachmentResponse(storage_key=storage_key)

    async def content(self, request: io_pb2.GetArtifactContentRequest) -> io_pb2.GetArtifactContentResponse:
        """Return a file of a run, or one entry of it when it is a ZIP, cut at `max_bytes`.

        Raises:
            NotFoundError: the run has no such file, or nothing is stored for it, or it has no such entry.
        """
        file = self._resources.store.read(lambda reader: self._file(reader, request))
        content = _entry(file, request.entry_path) if request.entry_path else file.content
        limit = min(request.max_bytes, _MOST_BYTES) if request.max_bytes > 0 else _MOST_BYTES
        return io_pb2.GetArtifactContentResponse(
            content=content[:limit],
            content_type=_DEFAULT_TYPE if request.entry_path else file.content_type,
            total_size_bytes=len(content),
            truncated=len(content) > limit,
        )

    async def download_url(
        self, request: io_pb2.GetArtifactDownloadUrlRequest
    ) -> io_pb2.GetArtifactDownloadUrlResponse:
        """Return a link to a file of a run, good for a week.

        Raises:
            NotFoundError: the run has no such file, or nothing is stored for it.
            FailedPreconditionError: there is no HTTP host.
        """
        self._resources.store.read(lambda reader: self._file(reader, request))
        lane = "download" if request.as_attachment else "show"
        url = self._links.signed(f"{PATH}/{lane}/{request.storage_key}", lasts=LINK_LASTS)
        return io_pb2.GetArtifactDownloadUrlResponse(
            download_url=url, expires_at=wire_time(datetime.now(UTC) + LINK_LASTS)
        )

    def _file(self, reader: Reader, request: Any) -> StoredFile:
        execution = self._resources.get_in(reader, self._kind, request.execution_id)
        if request.storage_key not in set(_storage_keys(execution)):
            text = f"execution {request.execution_id} has no file {request.storage_key!r}"
            raise NotFoundError("file", request.storage_key, text)
        file = get_file(reader, request.storage_key)
        if file is None:
            raise NotFoundError("file", request.storage_key, f"nothing is stored under {request.storage_key!r}")
        return file


def _storage_keys(execution: Any) -> Iterator[str]:
    yield from (attachment.storage_key for attachment in execution.spec.attachments)
    yield from (artifact.storage_key for artifact in execution.status.artifacts if artifact.storage_key)
    for call, _ in tool_calls(execution.status):
        if call.output_ref.storage_key:
            yield call.output_ref.storage_key


def _entry(file: StoredFile, path: str) -> bytes:
    """Return one entry of a ZIP, with a limit on what comes out of it."""
    try:
        with zipfile.ZipFile(io.BytesIO(file.content)) as archive, archive.open(path) as stream:
            content = stream.read(_UNPACKED_BYTES + 1)
    except KeyError:
        raise NotFoundError("entry", path, f"{file.filename} has no entry {path!r}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise InvalidArgumentError(f"{file.filename} is no ZIP that entry_path could look into: {error}") from error
    if len(content) > _UNPACKED_BYTES:
        raise InvalidArgumentError(f"entry {path!r} unpacks to more than {_UNPACKED_BYTES} bytes")
    return content
