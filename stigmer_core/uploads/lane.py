"""Where uploads come in: one PUT for whoever has the signed URL, stored chunk by chunk."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from stigmer_core.errors import ConflictError, InvalidArgumentError, OutOfRangeError
from stigmer_core.server import answered
from stigmer_core.uploads.contents import CHUNK_BYTES, add_chunk
from stigmer_core.uploads.places import abandon_upload, begin_upload, end_upload, upload_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from stigmer_core.server import Links
    from stigmer_core.store import Store

logger = logging.getLogger(__name__)


class UploadLane:
    """Serves `PUT /uploads/{id}`: a body of exactly as many bytes as were announced."""

    def __init__(self, store: Store, links: Links) -> None:
        self._store = store
        self._links = links
        self._receiving: set[str] = set()  # in memory: after a crash every place is free again

    def route(self) -> Route:
        """Return the route."""
        return Route(upload_path("{upload_id}"), answered(self._put), methods=["PUT"])

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
        logger.info("uploaded upload=%s size_bytes=%d", upload_id, received)
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
