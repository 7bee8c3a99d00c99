"""Archives over HTTP, for whoever has a signed URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from stigmer_core.errors import NotFoundError
from stigmer_core.server import answered
from stigmer_core.uploads import find_content, stream_content
from stigmer_plugin_skill._addresses import download_path

if TYPE_CHECKING:
    from starlette.requests import Request

    from stigmer_core.server import Links
    from stigmer_core.store import Reader, Store
    from stigmer_core.uploads import Stored


class DownloadLane:
    """Serves `GET` and `HEAD /skills/artifacts/{skill_id}/{digest}.zip`."""

    def __init__(self, store: Store, links: Links) -> None:
        self._store = store
        self._links = links

    def route(self) -> Route:
        """Return the route."""
        return Route(download_path("{skill_id}", "{digest}"), answered(self._get), methods=["GET"])

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
        return StreamingResponse(
            stream_content(self._store, stored.content_id), headers=headers, media_type="application/zip"
        )


def _found(reader: Reader, skill_id: str, digest: str) -> tuple[str, Stored]:
    row, stored = reader.get(skill_id), find_content(reader, skill_id, digest)
    if row is None or stored is None:
        raise NotFoundError("skill artifact", f"{skill_id}/{digest}")
    return row.slug, stored
