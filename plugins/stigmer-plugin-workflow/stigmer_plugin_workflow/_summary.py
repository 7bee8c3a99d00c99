"""What happened in an organization's runs: how many in which phase, what they cost, which workflows fail."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, io_pb2
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution

from stigmer_plugin_workflow._phases import STOPPABLE, TERMINAL
from stigmer_plugin_workflow._status import seconds_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stigmer_core.store import Reader

_KIND = "WorkflowExecution"
_WINDOWS = {
    io_pb2.SUMMARY_TIME_WINDOW_LAST_24H: timedelta(days=1),
    io_pb2.SUMMARY_TIME_WINDOW_LAST_7D: timedelta(days=7),
    io_pb2.SUMMARY_TIME_WINDOW_LAST_30D: timedelta(days=30),
}
_SCAN_PAGE, _TOP = 200, 5
_MICROS = 1_000_000
_MOST = 2**63 - 1  # what the fields hold; runners report what they like


def summary(reader: Reader, request: io_pb2.GetExecutionSummaryRequest) -> io_pb2.ExecutionSummary:
    """Return the figures of the runs that were created within a window; unspecified is the last 24 hours."""
    window = request.time_window or io_pb2.SUMMARY_TIME_WINDOW_LAST_24H
    executions = list(_since(reader, request, _WINDOWS.get(window)))
    phases = Counter(execution.status.phase for execution in executions)
    ended = sum(phases[phase] for phase in TERMINAL)
    response = io_pb2.ExecutionSummary(
        active_count=sum(phases[phase] for phase in STOPPABLE),
        phase_counts=dict(phases),
        total_count=len(executions),
        success_rate=phases[enum_pb2.EXECUTION_COMPLETED] / ended if ended else 0.0,
    )
    _add_costs(response.total_cost, executions)
    known = [seconds_between(e.status.started_at, e.status.completed_at) for e in executions]
    seconds = [one for one in known if one is not None]
    if seconds:
        response.avg_duration.FromTimedelta(timedelta(seconds=sum(seconds) / len(seconds)))
    _add_workflows(reader, response, executions)
    return response


def _since(reader: Reader, request: Any, window: timedelta | None) -> Iterator[Any]:
    begin = datetime.now(UTC) - window if window is not None else None
    where: dict[str, Any] = {"org": request.org}
    if request.workflow_id:
        where["index"] = ("spec.workflow_id", request.workflow_id)
    before: int | None = None
    while rows := reader.page(_KIND, before=before, limit=_SCAN_PAGE, **where):
        for row in rows:
            before = row.sequence
            execution = WorkflowExecution.FromString(row.body)
            if begin and execution.status.audit.spec_audit.created_at.ToDatetime(tzinfo=UTC) < begin:
                return
            yield execution


def _add_costs(total: Any, executions: list[Any]) -> None:
    for execution in executions:
        total.total_cost_usd += execution.status.total_cost_micros / _MICROS
        for name in ("total_input_tokens", "total_output_tokens"):
            amount = getattr(total, name) + getattr(execution.status, name)
            setattr(total, name, max(-_MOST, min(amount, _MOST)))


def _add_workflows(reader: Reader, response: Any, executions: list[Any]) -> None:
    by_workflow: dict[str, list[Any]] = defaultdict(list)
    for execution in executions:
        by_workflow[execution.spec.workflow_id].append(execution)
    names = {workflow_id: _names(reader, workflow_id) for workflow_id in by_workflow}
    failed = Counter(e.spec.workflow_id for e in executions if e.status.phase == enum_pb2.EXECUTION_FAILED)
    for workflow_id, count in failed.most_common(_TOP):
        slug, name = names[workflow_id]
        response.top_failing_workflows.add(workflow_slug=slug, workflow_name=name, failure_count=count)
    for workflow_id, runs in by_workflow.items():
        slug, name = names[workflow_id]
        cost = sum(run.status.total_cost_micros for run in runs) / _MICROS
        response.cost_by_workflow.add(
            workflow_slug=slug, workflow_name=name, total_cost_usd=cost, execution_count=len(runs)
        )


def _names(reader: Reader, workflow_id: str) -> tuple[str, str]:
    row = reader.get(workflow_id) if workflow_id else None
    if row is None:
        return "", ""
    metadata = Workflow.FromString(row.body).metadata
    return metadata.slug, metadata.name
