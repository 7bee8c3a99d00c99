"""What this plugin adds: the queries of the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.platform.v1 import server_info_pb2

from stigmer_core import Service, hookimpl, service_names
from stigmer_plugin_platform._controller import PlatformQueries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stigmer_core.program import Json


@hookimpl
def stigmer_services(configuration: Mapping[str, Json]) -> Sequence[Service]:
    """Return the queries of the platform."""
    (queries,) = service_names(server_info_pb2)
    return [Service(queries, PlatformQueries(authentication_required=configuration.get("auth") == "token"))]
