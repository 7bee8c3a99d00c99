"""The HTTP lane on which files of runs are downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from stigmer_core.errors import NotFoundError
from stigmer_core.server import answered
from stigmer_plugin_agentexecution._files import PATH
from stigmer_plugin_agentexecution._store import get_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from stigmer_core.server import Links
    from stigmer_core.store import Store


def download_routes(store: Store, links: Links) -> Sequence[BaseRoute]:
    """Return the routes; a link is good for one file, until it expires."""

    async def download(request: Request) -> Response:
        links.require_signed(request.url.path, request.query_params)
        key = request.path_params["storage_key"]
        file = await store.read_slowly(lambda reader: get_file(reader, key))
        if file is None:
            raise NotFoundError("file", key, "there is no such file")
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        if request.path_params["lane"] == "download":
            headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.filename)}"
        return Response(file.content, media_type=file.content_type, headers=headers)

    return [Route(f"{PATH}/{{lane}}/{{storage_key:path}}", answered(download), methods=["GET"])]
