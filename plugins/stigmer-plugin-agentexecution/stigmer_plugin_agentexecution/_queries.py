"""The queries of AgentExecution, and the stream of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.agentexecution.v1 import io_pb2

from stigmer_core.resources import followed, spliced, token_page
from stigmer_plugin_agentexecution import _usage
from stigmer_plugin_agentexecution._phases import TERMINAL
from stigmer_plugin_agentexecution._summary import summary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from stigmer_core import Kind
    from stigmer_core.kind import Encoded
    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader
    from stigmer_plugin_agentexecution._files import Files

_SESSION_CAP = 1_000


class ExecutionQueries:
    """Serves lists, the stream of a run, its files, and reports."""

    def __init__(self, kind: Kind, resources: Resources, files: Files) -> None:
        self._kind = kind
        self._resources = resources
        self._store = resources.store
        self._files = files

    async def list(self, request: io_pb2.ListAgentExecutionsRequest) -> Encoded:
        """Return a page of runs, newest first; every one of `tags` must be there."""
        where: dict[str, Any] = {"org": request.org or None, "tags": list(request.tags)}
        if request.phase:
            where["index"] = ("status.phase", str(request.phase))
        rows, more, pages = self._store.read(lambda reader: token_page(reader, self._kind.name, request, **where))
        return spliced(io_pb2.AgentExecutionList(total_pages=pages, next_page_token=more), "entries", rows)

    async def list_by_session(self, request: io_pb2.ListAgentExecutionsBySessionRequest) -> Encoded:
        """Return a session's runs, newest first: all of them, up to 1,000, unless a page is asked for."""
        index = ("spec.session_id", request.session_id)
        if request.page_size or request.page_token:
            rows, more, pages = self._store.read(
                lambda reader: token_page(reader, self._kind.name, request, index=index)
            )
        else:
            rows = self._store.read(lambda reader: reader.page(self._kind.name, index=index, limit=_SESSION_CAP))
            more, pages = "", 1 if rows else 0
        return spliced(io_pb2.AgentExecutionList(total_pages=pages, next_page_token=more), "entries", rows)

    def subscribe(self, request: io_pb2.AgentExecutionId) -> AsyncIterator[Encoded]:
        """Yield the run now and after every change; ends when it has ended, also when it had before."""
        return followed(self._resources, self._kind, request.value, self._ended)

    async def get_artifact_content(
        self, request: io_pb2.GetArtifactContentRequest
    ) -> io_pb2.GetArtifactContentResponse:
        """Return the content of a run's file."""
        return await self._files.content(request)

    async def get_artifact_download_url(
        self, request: io_pb2.GetArtifactDownloadUrlRequest
    ) -> io_pb2.GetArtifactDownloadUrlResponse:
        """Return a link to a run's file."""
        return await self._files.download_url(request)

    async def get_execution_usage_report(
        self, request: io_pb2.GetExecutionUsageReportInput
    ) -> io_pb2.GetExecutionUsageReportOutput:
        """Return what a run used."""
        execution = self._store.read(lambda reader: self._resources.get_in(reader, self._kind, request.execution_id))
        return io_pb2.GetExecutionUsageReportOutput(
            aggregate=_usage.aggregate([execution]), model_breakdown=_usage.models([execution])
        )

    async def get_session_usage_report(
        self, request: io_pb2.GetSessionUsageReportInput
    ) -> io_pb2.GetSessionUsageReportOutput:
        """Return what a session's runs used.

        Raises:
            NotFoundError: there is no such session.
        """

        def report(reader: Reader) -> io_pb2.GetSessionUsageReportOutput:
            self._resources.row_in(reader, self._resources.kind("Session"), request.session_id)
            return _usage.session_report(reader, request.session_id)

        return await self._store.read_slowly(report)

    async def get_agent_usage_report(
        self, request: io_pb2.GetAgentUsageReportInput
    ) -> io_pb2.GetAgentUsageReportOutput:
        """Return what an agent's runs used.

        Raises:
            NotFoundError: there is no such agent.
        """

        def report(reader: Reader) -> io_pb2.GetAgentUsageReportOutput:
            agent = self._resources.get_in(reader, self._resources.kind("Agent"), request.agent_id)
            return _usage.agent_report(reader, request, agent.metadata.name)

        return await self._store.read_slowly(report)

    async def get_org_usage_report(self, request: io_pb2.GetOrgUsageReportInput) -> io_pb2.GetOrgUsageReportOutput:
        """Return what an organization's runs used between two days."""

        def report(reader: Reader) -> io_pb2.GetOrgUsageReportOutput:
            return _usage.org_report(reader, request, self._resources)

        return await self._store.read_slowly(report)

    async def get_execution_summary(
        self, request: io_pb2.GetAgentExecutionSummaryRequest
    ) -> io_pb2.AgentExecutionSummary:
        """Return the figures of an organization's runs within a window of time."""
        return await self._store.read_slowly(lambda reader: summary(reader, self._resources, request))

    def _ended(self, body: bytes) -> bool:
        execution: Any = self._kind.message.FromString(body)
        return execution.status.phase in TERMINAL
