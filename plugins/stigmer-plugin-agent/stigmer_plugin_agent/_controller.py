"""The RPCs of AgentInstance that the generic pipeline does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.agentinstance.v1 import io_pb2

from stigmer_core.resources import numbered_page, spliced
from stigmer_plugin_agent._steps import INSTANCES

if TYPE_CHECKING:
    from ai.stigmer.commons.apiresource.io_pb2 import UpdateVisibilityInput

    from stigmer_core import Kind
    from stigmer_core.kind import Encoded
    from stigmer_core.resources import Resources


class InstanceCommands:
    """Serves `updateVisibility`, which a default instance does not have."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def update_visibility(self, request: UpdateVisibilityInput) -> Any:
        """Change who sees an instance."""
        return await INSTANCES.update_visibility(self._resources, request)


class InstanceQueries:
    """Serves `list` and `getByAgent`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._store = resources.store

    async def list(self, request: io_pb2.ListAgentInstancesRequest) -> Encoded:
        """Return a page of an organization's instances, newest first; every one of `labels` must match."""
        return self._page(request, org=request.org, labels=dict(request.labels))

    async def get_by_agent(self, request: io_pb2.GetAgentInstancesByAgentRequest) -> Encoded:
        """Return a page of an agent's instances, newest first."""
        return self._page(request, org=request.org or None, index=("spec.agent_id", request.agent_id))

    def _page(self, request: Any, **where: Any) -> Encoded:
        page = numbered_page(request.page_info)
        rows, total = self._store.read(
            lambda reader: (
                reader.page(self._kind.name, limit=page.size, offset=page.offset, **where),
                reader.count(self._kind.name, **where),
            )
        )
        return spliced(io_pb2.AgentInstanceList(total_count=total), "items", rows)
