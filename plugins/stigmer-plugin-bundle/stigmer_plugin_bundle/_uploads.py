"""Uploads over HTTP, for archives that are too large for a message: a signed URL that works once, for an hour."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from ai.stigmer.agentic.plugin.v1 import io_pb2

from stigmer_core.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from stigmer_plugin_bundle import _store
from stigmer_plugin_bundle._archive import MAX_ARCHIVE_BYTES

if TYPE_CHECKING:
    from stigmer_core.server import Links
    from stigmer_core.store import Reader, Store, Transaction

LASTS = timedelta(hours=1)
FOLDER = "/bundles/uploads"
_WHY = {
    _store.OPEN: "nothing was uploaded yet: PUT the archive to its URL first",
    _store.RECEIVING: "it is still being uploaded",
    _store.USED: "it was pushed already: ask for another upload",
}


async def offer_upload(
    store: Store, links: Links, request: io_pb2.CreatePluginArtifactUploadUrlRequest
) -> io_pb2.PluginArtifactUploadUrl:
    """Return a place for one upload.

    Raises:
        InvalidArgumentError: the archive would be too large.
        FailedPreconditionError: the server has no HTTP host.
    """
    if request.size_bytes > MAX_ARCHIVE_BYTES:
        message = f"size_bytes is {request.size_bytes}, archives have at most {MAX_ARCHIVE_BYTES}"
        raise InvalidArgumentError(message)
    upload_id = f"upl_{secrets.token_hex(16)}"
    url = links.signed(f"{FOLDER}/{upload_id}", lasts=LASTS)

    def add(tx: Transaction) -> None:
        expires_at = int((tx.now + LASTS).timestamp())
        _store.add_upload(tx, _store.Upload(upload_id, request.org, request.size_bytes, expires_at, _store.OPEN))

    await store.run(add)
    seconds = int(LASTS.total_seconds())
    return io_pb2.PluginArtifactUploadUrl(url=url, artifact_upload_ref=upload_id, ttl_seconds=seconds)


async def upload_of(store: Store, request: io_pb2.PushPluginRequest) -> bytes:
    """Return what was uploaded for a push.

    Raises:
        NotFoundError: there is no such upload, or not any more.
        FailedPreconditionError: it is not there yet, was used, or is of another organisation.
    """

    def read(reader: Reader) -> bytes:
        _require_ready(reader, request)
        return _store.uploaded(reader, request.artifact_upload_ref)

    return await store.read_slowly(read)


def take_upload(tx: Transaction, request: io_pb2.PushPluginRequest) -> None:
    """Use an upload up, along with the push that installs it.

    Raises:
        NotFoundError: it has expired.
        FailedPreconditionError: another push was faster.
    """
    _require_ready(tx, request)
    _store.move_upload(tx, request.artifact_upload_ref, old=_store.READY, new=_store.USED)
    _store.drop_pieces(tx, request.artifact_upload_ref)


async def drop_expired(store: Store) -> None:
    """Forget the uploads that have expired."""
    await store.run(lambda tx: _store.drop_expired(tx, int(tx.now.timestamp())))


def _require_ready(reader: Reader, request: io_pb2.PushPluginRequest) -> None:
    upload = _store.find_upload(reader, request.artifact_upload_ref)
    if upload is None:
        raise NotFoundError("upload", request.artifact_upload_ref)
    if upload.org != request.org:
        raise FailedPreconditionError(f"upload {upload.id} is for org '{upload.org}', not for '{request.org}'")
    if upload.state != _store.READY:
        raise FailedPreconditionError(f"upload {upload.id} cannot be pushed: {_WHY[upload.state]}")
