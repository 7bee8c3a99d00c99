"""The RPCs of Session beyond the generic ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.session.v1 import io_pb2

from stigmer_core.resources import spliced, token_page

if TYPE_CHECKING:
    from stigmer_core import Kind
    from stigmer_core.kind import Encoded
    from stigmer_core.resources import Resources
    from stigmer_core.store import Transaction

CHANNEL_LABEL = "stigmer.ai/channel-id"


class SessionCommands:
    """Serves `updateSubject`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources

    async def update_subject(self, request: io_pb2.UpdateSessionSubjectRequest) -> Any:
        """Change what a session is about, and nothing else; an empty subject is fine."""

        def change(tx: Transaction) -> Any:
            session = self._resources.get_in(tx, self._kind, request.id)
            session.spec.subject = request.subject
            return self._resources.save_in(tx, self._kind, session, slot="spec_audit")

        return await self._resources.store.run(change)


class SessionQueries:
    """Serves `list`, `listByAgentInstance` and `listByChannel`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._store = resources.store

    async def list(self, request: io_pb2.ListSessionsRequest) -> Encoded:
        """Return a page of sessions, newest first; every one of `tags` must be there."""
        return self._page(request, org=request.org or None, tags=list(request.tags))

    async def list_by_agent_instance(self, request: io_pb2.ListSessionsByAgentInstanceRequest) -> Encoded:
        """Return a page of an agent instance's sessions, newest first."""
        return self._page(request, index=("spec.agent_instance_id", request.agent_instance_id))

    async def list_by_channel(self, request: io_pb2.ListSessionsByChannelRequest) -> Encoded:
        """Return a page of a channel's sessions, newest first."""
        return self._page(request, labels={CHANNEL_LABEL: request.channel_id})

    def _page(self, request: Any, **where: Any) -> Encoded:
        rows, more, pages = self._store.read(lambda reader: token_page(reader, self._kind.name, request, **where))
        return spliced(io_pb2.SessionList(total_pages=pages, next_page_token=more), "entries", rows)
