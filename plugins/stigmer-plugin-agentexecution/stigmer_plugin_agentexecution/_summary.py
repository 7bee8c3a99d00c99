"""What happened in an organization's runs: how many in which phase, how long they took, which agents fail."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.agentexecution.v1 import io_pb2

from stigmer_plugin_agentexecution._phases import ACTIVE
from stigmer_plugin_agentexecution._usage import scanned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader

_WINDOWS = {
    io_pb2.AGENT_EXECUTION_SUMMARY_TIME_WINDOW_LAST_24H: timedelta(days=1),
    io_pb2.AGENT_EXECUTION_SUMMARY_TIME_WINDOW_LAST_7D: timedelta(days=7),
    io_pb2.AGENT_EXECUTION_SUMMARY_TIME_WINDOW_LAST_30D: timedelta(days=30),
}
_TOP = 5


def summary(reader: Reader, resources: Resources, request: Any) -> io_pb2.AgentExecutionSummary:
    """Return the figures of the runs that were created within a window; unspecified is the last 24 hours."""
    window = request.time_window or io_pb2.AGENT_EXECUTION_SUMMARY_TIME_WINDOW_LAST_24H
    phases: Counter[int] = Counter()
    failing: Counter[str] = Counter()
    seconds: list[float] = []
    for execution in _since(reader, request.org, _WINDOWS.get(window)):
        status = execution.status
        phases[status.phase] += 1
        if status.phase == pb.EXECUTION_FAILED:
            failing[execution.spec.agent_id] += 1
        if (lasted := _seconds(status.started_at, status.completed_at)) is not None:
            seconds.append(lasted)
    response = io_pb2.AgentExecutionSummary(
        active_count=sum(phases[phase] for phase in ACTIVE), phase_counts=dict(phases)
    )
    if seconds:
        response.avg_duration.FromTimedelta(timedelta(seconds=sum(seconds) / len(seconds)))
    response.top_failing_agents.extend(_rank(reader, resources, *entry) for entry in failing.most_common(_TOP))
    return response


def _since(reader: Reader, org: str, window: timedelta | None) -> Iterator[Any]:
    begin = datetime.now(UTC) - window if window is not None else None
    for execution in scanned(reader, org=org):
        created = execution.status.audit.spec_audit.created_at.ToDatetime(tzinfo=UTC)
        if begin is not None and created < begin:
            return
        yield execution


def _rank(reader: Reader, resources: Resources, agent_id: str, count: int) -> io_pb2.AgentFailureRank:
    rank = io_pb2.AgentFailureRank(failure_count=count)
    row = reader.get(agent_id) if agent_id else None
    if row is not None:
        agent: Any = resources.kind(row.kind).message.FromString(row.body)
        rank.agent_slug, rank.agent_name = agent.metadata.slug, agent.metadata.name
    return rank


def _seconds(started: str, completed: str) -> float | None:
    """Return how long a run took; None when it reported something that is no time."""
    try:
        first, last = datetime.fromisoformat(started), datetime.fromisoformat(completed)
        return (last - first).total_seconds()
    except (ValueError, TypeError):  # TypeError: one has a zone and the other has none
        return None
