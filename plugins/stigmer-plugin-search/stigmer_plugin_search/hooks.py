"""What this plugin adds: SearchService."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.search.v1 import query_pb2

from stigmer_core import Service, hookimpl, service_names
from stigmer_plugin_search._controller import SearchController

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.resources import Resources


@hookimpl
def stigmer_services(resources: Resources) -> Sequence[Service]:
    """Return the search over every searchable kind."""
    (name,) = service_names(query_pb2)
    return [Service(name, SearchController(resources))]
