"""Listing executions: filters, orders and pages."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, io_pb2
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution

from stigmer_core.errors import InvalidArgumentError, ResourceExhaustedError
from stigmer_core.resources import page_size, page_token, token_position
from stigmer_plugin_workflow._status import moment_of, seconds_between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stigmer_core.store import Reader

_KIND = "WorkflowExecution"
_SCAN_PAGE = 200
_SIZE_CAP = 100
_SORT_CAP = 10_000


def listed(reader: Reader, request: Any, **where: Any) -> io_pb2.WorkflowExecutionList:
    """Return the page of executions that a list request asks for.

    Without a page size the page is as long as it may be: 100.

    Raises:
        InvalidArgumentError: the page token belongs to another listing.
        ResourceExhaustedError: more executions match than can be sorted.
    """
    size = page_size(request, default=_SIZE_CAP, most=_SIZE_CAP)
    matches = _matcher(request)
    if request.sort_field in (0, io_pb2.EXECUTION_SORT_FIELD_STARTED_AT) and not request.sort_ascending:
        return _newest_first(reader, request, size, matches, **where)
    found = [execution for execution, _ in _scanned(reader, None, matches, **where)]
    if len(found) > _SORT_CAP:
        raise ResourceExhaustedError(f"more than {_SORT_CAP} executions match and are not sorted: narrow the filter")
    found.sort(key=_sort_key(request.sort_field), reverse=not request.sort_ascending)
    start = token_position(request) or 0
    more = page_token(request, start + size) if len(found) > start + size else ""
    return io_pb2.WorkflowExecutionList(
        entries=found[start : start + size], next_page_token=more, total_pages=-(-len(found) // size)
    )


def _newest_first(
    reader: Reader, request: Any, size: int, matches: Callable[[Any], bool], **where: Any
) -> io_pb2.WorkflowExecutionList:
    response = io_pb2.WorkflowExecutionList(total_pages=-(-reader.count(_KIND, **where) // size))
    last = 0
    for execution, sequence in _scanned(reader, token_position(request), matches, **where):
        if len(response.entries) == size:
            response.next_page_token = page_token(request, last)
            break
        response.entries.append(execution)
        last = sequence
    return response


def _scanned(
    reader: Reader, before: int | None, matches: Callable[[Any], bool], **where: Any
) -> Iterator[tuple[Any, int]]:
    while rows := reader.page(_KIND, before=before, limit=_SCAN_PAGE, **where):
        for row in rows:
            before = row.sequence
            execution = WorkflowExecution.FromString(row.body)
            if matches(execution):
                yield execution, row.sequence


def _matcher(request: Any) -> Callable[[Any], bool]:
    phases = set(request.filter.phases)
    if getattr(request, "phase", 0):
        phases.add(request.phase)
    tags = set(getattr(request, "tags", ()))
    criteria, in_time = request.filter, _time_matcher(request.filter)

    def matches(execution: Any) -> bool:
        status = execution.status
        if phases and status.phase not in phases:
            return False
        if tags and not tags <= set(execution.metadata.tags):
            return False
        return in_time(status) and _in_cost(criteria, status) and _failed_as_asked(criteria, status)

    return matches


def _time_matcher(criteria: Any) -> Callable[[Any], bool]:
    """Return the check of when an execution started and how long it took."""
    after, before = _given(criteria, "started_after"), _given(criteria, "started_before")
    least, most = _given(criteria, "min_duration"), _given(criteria, "max_duration")

    def matches(status: Any) -> bool:
        started, seconds = moment_of(status.started_at), _seconds(status)
        if after is not None and (not started or started < after):
            return False
        if before is not None and (not started or started > before):
            return False
        if least is not None and seconds < least.total_seconds():
            return False
        return most is None or seconds <= most.total_seconds()

    return matches


def _given(criteria: Any, name: str) -> Any:
    """Return a time or a duration of a filter, None when it has none."""
    if not criteria.HasField(name):
        return None
    value = getattr(criteria, name)
    try:
        return value.ToTimedelta() if name.endswith("duration") else value.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidArgumentError(f"filter.{name} is out of range") from error


def _in_cost(criteria: Any, status: Any) -> bool:
    if status.total_cost_micros < criteria.min_cost_micros:
        return False
    return not criteria.max_cost_micros or status.total_cost_micros <= criteria.max_cost_micros


def _failed_as_asked(criteria: Any, status: Any) -> bool:
    failed = [task.task_name for task in status.tasks if task.status == enum_pb2.WORKFLOW_TASK_FAILED]
    if criteria.failed_task_name and criteria.failed_task_name not in failed:
        return False
    return not criteria.has_retries or any("@" in task.task_id for task in status.tasks)


def _sort_key(field: int) -> Callable[[Any], Any]:
    if field == io_pb2.EXECUTION_SORT_FIELD_DURATION:
        return lambda execution: _seconds(execution.status)
    if field == io_pb2.EXECUTION_SORT_FIELD_COST:
        return lambda execution: execution.status.total_cost_micros
    if field == io_pb2.EXECUTION_SORT_FIELD_STATUS:
        return lambda execution: execution.status.phase
    return lambda execution: execution.status.started_at


def _seconds(status: Any) -> float:
    return seconds_between(status.started_at, status.completed_at) or 0.0
