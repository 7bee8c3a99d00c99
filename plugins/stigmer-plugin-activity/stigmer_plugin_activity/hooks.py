"""What this plugin adds: the list of recent activity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.activity.v1 import query_pb2

from stigmer_core import Service, hookimpl, service_names
from stigmer_plugin_activity._controller import ActivityQueries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.resources import Resources


@hookimpl
def stigmer_services(resources: Resources) -> Sequence[Service]:
    """Return the list of recent activity."""
    (queries,) = service_names(query_pb2)
    return [Service(queries, ActivityQueries(resources))]
