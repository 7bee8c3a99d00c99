"""The queries and streams of WorkflowExecution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflowexecution.v1 import event_pb2, io_pb2

from stigmer_core.resources import followed, page_size
from stigmer_plugin_workflow._filter import listed
from stigmer_plugin_workflow._phases import TERMINAL
from stigmer_plugin_workflow._status import logged_event
from stigmer_plugin_workflow._summary import summary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from stigmer_core import Kind
    from stigmer_core.kind import Encoded
    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader, StoredEvent
    from stigmer_plugin_workflow._approvals import Approvals

_LOG_PAGE, _LOG_CAP = 100, 1000


class ExecutionQueries:
    """Serves lists, streams, the event log and figures."""

    def __init__(self, kind: Kind, resources: Resources, approvals: Approvals) -> None:
        self._approvals = approvals
        self._kind = kind
        self._resources = resources
        self._store = resources.store

    async def list(self, request: io_pb2.ListWorkflowExecutionsRequest) -> io_pb2.WorkflowExecutionList:
        """Return a page of executions, newest first unless another order is asked for."""
        return await self._store.read_slowly(lambda reader: listed(reader, request, org=request.org or None))

    async def list_by_workflow(
        self, request: io_pb2.ListWorkflowExecutionsByWorkflowRequest
    ) -> io_pb2.WorkflowExecutionList:
        """Return a page of one workflow's executions."""
        index = ("spec.workflow_id", request.workflow_id)
        return await self._store.read_slowly(lambda reader: listed(reader, request, index=index))

    def subscribe(self, request: io_pb2.SubscribeWorkflowExecutionRequest) -> AsyncIterator[Encoded]:
        """Yield the execution now and after every change; ends when it has ended."""
        return followed(self._resources, self._kind, request.execution_id, self._ended)

    async def get_event_log(self, request: io_pb2.GetEventLogRequest) -> io_pb2.GetEventLogResponse:
        """Return events after a sequence number, oldest first; an unknown execution has none."""
        size = page_size(request, default=_LOG_PAGE, most=_LOG_CAP)
        return self._store.read(lambda reader: self._log(reader, request, size))

    async def subscribe_events(self, request: io_pb2.SubscribeEventsRequest) -> AsyncIterator[Any]:
        """Yield every event after a sequence number and then each new one; ends with the execution."""
        execution_id, position = request.execution_id, request.after_sequence
        with self._store.subscribe(execution_id) as changes:
            self._store.read(lambda reader: self._resources.row_in(reader, self._kind, execution_id))
            while True:
                # The body is read first: an execution that has ended has all its events already.
                body = self._store.body(execution_id)
                events = self._events_after(execution_id, position)
                while events:
                    for stored in events:
                        position = stored.sequence
                        if _wanted(stored, request):
                            yield logged_event(stored)
                    events = self._events_after(execution_id, position)
                if body is None or self._ended(body):
                    return
                await changes.wait()

    async def get_execution_summary(self, request: io_pb2.GetExecutionSummaryRequest) -> io_pb2.ExecutionSummary:
        """Return the figures of an organization's runs within a window of time."""
        return await self._store.read_slowly(lambda reader: summary(reader, request))

    async def list_pending_approvals(self, request: io_pb2.ListPendingApprovalsRequest) -> io_pb2.PendingApprovalsList:
        """Return a page of the tasks that wait for a person."""
        return await self._store.read_slowly(lambda reader: self._approvals.pending(reader, request))

    def _events_after(self, execution_id: str, position: int) -> Sequence[StoredEvent]:
        return self._store.read(lambda reader: reader.events(execution_id, after=position, limit=_LOG_PAGE))

    def _log(self, reader: Reader, request: Any, size: int) -> io_pb2.GetEventLogResponse:
        response = io_pb2.GetEventLogResponse(latest_sequence=reader.last_event(request.execution_id))
        position = request.after_sequence
        while stored := reader.events(request.execution_id, after=position, limit=_LOG_CAP):
            for one in stored:
                position = one.sequence
                if not _wanted(one, request):
                    continue
                event = logged_event(one)
                if request.task_name and event.task_name != request.task_name:
                    continue
                if len(response.events) == size:
                    response.has_more = True
                    return response
                response.events.append(event)
        return response

    def _ended(self, body: bytes) -> bool:
        execution: Any = self._kind.message.FromString(body)
        return execution.status.phase in TERMINAL


def _wanted(stored: StoredEvent, request: Any) -> bool:
    return not request.event_types or event_pb2.WorkflowEventType.Value(stored.type) in request.event_types
