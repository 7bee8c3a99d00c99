"""The RPCs of Memory beyond the generic ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.memory.v1 import io_pb2
from ai.stigmer.agentic.memory.v1.enum_pb2 import (
    MemoryLifecycleState,
    lifecycle_state_confirmed,
    lifecycle_state_proposed,
    lifecycle_state_rejected,
)

from stigmer_core.errors import FailedPreconditionError
from stigmer_core.resources import numbered_page, spliced
from stigmer_core.resources.codec import copy_of
from stigmer_plugin_memory._store import remove_place

if TYPE_CHECKING:
    from ai.stigmer.agentic.memory.v1.api_pb2 import Memory

    from stigmer_core import Kind
    from stigmer_core.kind import Encoded
    from stigmer_core.resources import Resources
    from stigmer_core.store import Transaction

_SUFFIX = 12  # of a fresh id: random enough to be nobody else's


class MemoryCommands:
    """Serves `create`, `confirm` and `reject`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources

    async def create(self, request: Memory) -> Any:
        """Store a proposed memory; one without a name is given `memory-<unique suffix>`."""
        draft = self._resources.prepare(self._kind, self._named(request), creating=True)
        return await self._resources.store.run(lambda tx: self._resources.create_in(tx, self._kind, draft))

    async def confirm(self, request: io_pb2.MemoryId) -> Any:
        """Confirm a proposed memory; one that is confirmed already stays as it is."""
        return await self._decide(request.value, lifecycle_state_confirmed)

    async def reject(self, request: io_pb2.MemoryId) -> Any:
        """Reject a proposed memory; one that is rejected already stays as it is."""
        return await self._decide(request.value, lifecycle_state_rejected)

    async def _decide(self, memory_id: str, decision: int) -> Any:
        return await self._resources.store.run(lambda tx: self._decided(tx, memory_id, decision))

    def _decided(self, tx: Transaction, memory_id: str, decision: int) -> Any:
        memory = self._resources.get_in(tx, self._kind, memory_id)
        if memory.status.lifecycle_state == decision:
            return memory
        if memory.status.lifecycle_state != lifecycle_state_proposed:
            raise FailedPreconditionError(
                f"memory {memory_id} is {_word(memory.status.lifecycle_state)} and cannot be {_word(decision)}:"
                " delete it and create another one"
            )
        memory.status.lifecycle_state = decision
        memory.status.state_changed_at.FromDatetime(tx.now)
        if decision == lifecycle_state_rejected:
            remove_place(tx, memory_id)
        return self._resources.save_in(tx, self._kind, memory)

    def _named(self, request: Memory) -> Any:
        if request.metadata.name or request.metadata.slug:
            return request
        memory = copy_of(request)
        memory.metadata.name = f"memory-{self._resources.new_id(self._kind)[-_SUFFIX:]}"
        return memory


class MemoryQueries:
    """Serves `list`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._store = resources.store

    async def list(self, request: io_pb2.ListMemoriesRequest) -> Encoded:
        """Return a page of an organization's memories, newest first."""
        page = numbered_page(request.page_info)
        rows, total = self._store.read(
            lambda reader: (
                reader.page(self._kind.name, org=request.org, limit=page.size, offset=page.offset),
                reader.count(self._kind.name, org=request.org),
            )
        )
        return spliced(io_pb2.MemoryList(total_count=total), "items", rows)


def _word(state: int) -> str:
    return MemoryLifecycleState.Name(state).removeprefix("lifecycle_state_")  # type: ignore[arg-type]
