"""Archives over HTTP, for whoever has a signed URL: one PUT into an upload, and downloads."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from stigmer_core.errors import (
    Code,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    OutOfRangeError,
    StigmerError,
)
from stigmer_plugin_skill._addresses import download_path, upload_path
from stigmer_plugin_skill._store import CHUNK_BYTES, add_chunk, find_archive, get_chunk
from stigmer_plugin_skill._uploads import abandon_upload, begin_upload, end_upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

    from stigmer_core.server import Links
    from stigmer_core.store import Reader, Store
    from stigmer_plugin_skill._store import Stored

logger = logging.getLogger(__name__)

_STATUS = {
    Code.INVALID_ARGUMENT: 400,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.FAILED_PRECONDITION: 410,
    Code.OUT_OF_RANGE: 413,
    Code.UNAVAILABLE: 503,
    Code.RESOURCE_EXHAUSTED: 507,
}


class UploadLane:
    """Serves `PUT /skills/uploads/{id}`: the bytes of one archive, exactly as many as were announced."""

    def __init__(self, store: Store, links: Links) -> None:
        self._store = store
        self._links = links
        self._receiving: set[str] = set()

    def route(self) -> Route:
        """Return the route."""
        return Route(upload_path("{upload_id}"), _answered(self._put), methods=["PUT"])

    async def _put(self, request: Request) -> Response:
        upload_id = str(request.path_params["upload_id"])
        self._links.require_signed(upload_path(upload_id), request.query_params)
        if upload_id in self._receiving:
            raise ConflictError("another upload to this URL is under way")
        self._receiving.add(upload_id)
        try:
            content_id, announced = await self._store.run(lambda tx: begin_upload(tx, upload_id))
            try:
                received = await self._receive(request, content_id, announced)
                await self._store.run(lambda tx: end_upload(tx, upload_id, content_id, received))
            except Exception:
                await self._store.run(lambda tx: abandon_upload(tx, upload_id))
                raise
        finally:
            self._receiving.discard(upload_id)
        logger.info("skill uploaded upload=%s size_bytes=%d", upload_id, received)
        return Response()

    async def _receive(self, request: Request, content_id: int, announced: int) -> int:
        """Store the body chunk by chunk and return its size."""
        _require_size(int(request.headers.get("content-length", announced)), announced)
        received = number = 0
        async for chunk in _chunks(request.stream()):
            received += len(chunk)
            if received > announced:
                _require_size(received, announced)
            await self._store.run(partial(add_chunk, content_id=content_id, number=number, chunk=chunk))
            number += 1
        _require_size(received, announced)
        return received


class DownloadLane:
    """Serves `GET` and `HEAD /skills/artifacts/{skill_id}/{digest}.zip`."""

    def __init__(self, store: Store, links: Links) -> None:
        self._store = store
        self._links = links

    def route(self) -> Route:
        """Return the route."""
        return Route(download_path("{skill_id}", "{digest}"), _answered(self._get), methods=["GET"])

    async def _get(self, request: Request) -> Response:
        skill_id, digest = str(request.path_params["skill_id"]), str(request.path_params["digest"])
        self._links.require_signed(download_path(skill_id, digest), request.query_params)
        slug, stored = self._store.read(lambda reader: _found(reader, skill_id, digest))
        headers = {
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f'attachment; filename="{slug}-{digest[:12]}.zip"',
            "Content-Length": str(stored.size_bytes),
            "ETag": f'"{digest}"',
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingResponse(self._stream(stored), headers=headers, media_type="application/zip")

    async def _stream(self, stored: Stored) -> AsyncIterator[bytes]:
        """Yield the chunks; an archive that is deleted meanwhile ends too early for its `Content-Length`."""
        number = 0
        while chunk := await self._store.read_slowly(partial(get_chunk, content_id=stored.content_id, number=number)):
            yield chunk
            number += 1


def _answered(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that answers errors of ours as plain text; what is not for a caller's eyes goes on."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientDisconnect:  # nobody is there to read an answer
            return Response(status_code=_STATUS[Code.INVALID_ARGUMENT])
        except StigmerError as error:
            if error.code not in _STATUS:
                raise
            return PlainTextResponse(f"{error.message}\n", status_code=_STATUS[error.code])

    return answered


def _found(reader: Reader, skill_id: str, digest: str) -> tuple[str, Stored]:
    row, stored = reader.get(skill_id), find_archive(reader, skill_id, digest)
    if row is None or stored is None:
        raise NotFoundError("skill artifact", f"{skill_id}/{digest}")
    return row.slug, stored


def _require_size(size_bytes: int, announced: int) -> None:
    if size_bytes > announced:
        raise OutOfRangeError(f"{announced} bytes were announced, and more come: nothing was kept")
    if size_bytes < announced:
        raise InvalidArgumentError(f"{announced} bytes were announced, {size_bytes} came: nothing was kept")


async def _chunks(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what comes in pieces of any size in chunks of one."""
    waiting = bytearray()
    async for piece in pieces:
        waiting += piece
        while len(waiting) >= CHUNK_BYTES:
            yield bytes(waiting[:CHUNK_BYTES])
            del waiting[:CHUNK_BYTES]
    if waiting:
        yield bytes(waiting)
