"""Content over HTTP, for whoever has a signed URL of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from stigmer_core.server import answered
from stigmer_plugin_artifact._headers import content_disposition, content_headers, is_known
from stigmer_plugin_artifact._reading import download_path, readable_in
from stigmer_plugin_artifact._retention import utc_now
from stigmer_plugin_artifact._store import content_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.server import Links
    from stigmer_core.store import Reader
    from stigmer_plugin_artifact._retention import Clock

_NOT_MODIFIED = 304


class Downloads:
    """Serves `GET` and `HEAD /artifacts/{id}`."""

    def __init__(self, kind: Kind, resources: Resources, links: Links, *, clock: Clock = utc_now) -> None:
        self._kind = kind
        self._resources = resources
        self._links = links
        self._clock = clock

    def route(self) -> Route:
        """Return the route."""
        return Route(download_path("{artifact_id}"), answered(self.download), methods=["GET"])

    async def download(self, request: Request) -> Response:
        """Return the content, shown inline, or with `?download=name` saved under that name."""
        artifact_id = str(request.path_params["artifact_id"])
        self._links.require_signed(download_path(artifact_id), request.query_params)
        artifact, content = await self._resources.store.read_slowly(
            lambda reader: self._read(reader, request, artifact_id)
        )
        return _answer(request, artifact, content)

    def _read(self, reader: Reader, request: Request, artifact_id: str) -> tuple[Any, bytes]:
        artifact = readable_in(reader, self._kind, self._resources, artifact_id, self._clock())
        if request.method == "HEAD" or _has_it(request, artifact):
            return artifact, b""
        return artifact, content_of(reader, artifact_id, artifact.status.size_bytes)


def _answer(request: Request, artifact: Any, content: bytes) -> Response:
    spec, status = artifact.spec, artifact.status
    name = request.query_params.get("download")
    if name is None:
        disposition = content_disposition("inline", spec.display_name)
    else:
        disposition = content_disposition("attachment", name or spec.display_name)
    headers = content_headers(spec.content_type, status.content_hash, status.size_bytes, disposition)
    if _has_it(request, artifact):
        del headers["Content-Length"]
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    return Response(content, headers=headers, media_type=spec.content_type)


def _has_it(request: Request, artifact: Any) -> bool:
    return is_known(artifact.status.content_hash, request.headers.get("if-none-match", ""))
