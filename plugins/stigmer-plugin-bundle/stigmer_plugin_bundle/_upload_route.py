"""The HTTP side of an upload: one PUT, stored piece by piece as it comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stigmer_core.errors import Code, FailedPreconditionError, InvalidArgumentError, NotFoundError, StigmerError
from stigmer_plugin_bundle import _store
from stigmer_plugin_bundle._uploads import FOLDER

if TYPE_CHECKING:
    from starlette.requests import Request

    from stigmer_core.server import Links
    from stigmer_core.store import Store, Transaction

_PIECE_BYTES = 1024 * 1024
_TOO_LARGE = 413
_STATUS = {
    Code.INVALID_ARGUMENT: 400,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.FAILED_PRECONDITION: 409,
    Code.RESOURCE_EXHAUSTED: 507,
    Code.UNAVAILABLE: 503,
}


def upload_route(store: Store, links: Links) -> Route:
    """Return the route that takes uploads."""

    async def put(request: Request) -> Response:
        try:
            links.require_signed(request.url.path, request.query_params)
            return await _Receiving(store, request.path_params["upload_id"]).receive(request)
        except StigmerError as error:
            return PlainTextResponse(f"{error.message}\n", status_code=_STATUS.get(error.code, 500))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it

    return Route(f"{FOLDER}/{{upload_id}}", put, methods=["PUT"])


class _Receiving:
    def __init__(self, store: Store, upload_id: str) -> None:
        self._store = store
        self._id = upload_id

    async def receive(self, request: Request) -> Response:
        """Store the body; after one that is not whole the place is free again.

        Raises:
            InvalidArgumentError: the body is shorter than was announced.
            FailedPreconditionError: something was uploaded here already.
        """
        announced = await self._store.run(self._begin)
        try:
            size = await self._keep(request, announced)
        except (StigmerError, ClientDisconnect):
            await self._store.run(self._give_back)
            raise
        if size == announced:
            await self._store.run(self._finish)
            return Response()
        await self._store.run(self._give_back)
        if size > announced:
            return PlainTextResponse(f"more than the {announced} bytes that were announced\n", status_code=_TOO_LARGE)
        raise InvalidArgumentError(f"{size} bytes came, {announced} were announced")

    async def _keep(self, request: Request, announced: int) -> int:
        """Return how many bytes came; the rest is not read once they are too many."""
        size, position, buffer = 0, 0, bytearray()
        async for chunk in request.stream():
            size += len(chunk)
            if size > announced:
                return size
            buffer += chunk
            if len(buffer) >= _PIECE_BYTES:
                await self._add(position, bytes(buffer))
                position, buffer = position + 1, bytearray()
        await self._add(position, bytes(buffer))
        return size

    async def _add(self, position: int, piece: bytes) -> None:
        await self._store.run(lambda tx: _store.add_piece(tx, self._id, position, piece))

    def _begin(self, tx: Transaction) -> int:
        upload = _store.find_upload(tx, self._id)
        if upload is None:
            raise NotFoundError("upload", self._id)
        if not _store.move_upload(tx, self._id, old=_store.OPEN, new=_store.RECEIVING):
            raise FailedPreconditionError(f"upload {self._id} has its archive already: each URL takes one")
        return upload.size_bytes

    def _finish(self, tx: Transaction) -> None:
        if not _store.move_upload(tx, self._id, old=_store.RECEIVING, new=_store.READY):
            raise NotFoundError("upload", self._id, f"upload {self._id} expired while it came in: ask for another one")

    def _give_back(self, tx: Transaction) -> None:
        _store.drop_pieces(tx, self._id)
        _store.move_upload(tx, self._id, old=_store.RECEIVING, new=_store.OPEN)
