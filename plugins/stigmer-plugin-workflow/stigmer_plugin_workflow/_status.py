"""The status of an execution: everything that is reported about a run is merged here, in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, event_pb2
from ai.stigmer.agentic.workflowexecution.v1.io_pb2 import WorkflowExecutionUpdateStatusInput

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.resources import close_context
from stigmer_core.resources.codec import from_dict
from stigmer_plugin_workflow._phases import TERMINAL
from stigmer_plugin_workflow._reports import summed_up
from stigmer_plugin_workflow._steps import RUNNER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stigmer_core.program import Json
    from stigmer_core.resources import Resources, audit
    from stigmer_core.store import Transaction

KIND = "WorkflowExecution"
_EVENT_TYPES = {number: name for name, number in event_pb2.WorkflowEventType.items()}
_LAST_SEQUENCE = 2**53  # of a reported event: the log must be able to go on behind it


def publish(tx: Transaction, resources: Resources, run_id: str, statuses: Sequence[Json]) -> None:
    """Merge what a run's program has published, in this order, and store the execution once.

    Of one that was deleted meanwhile nothing is kept.
    """
    row = tx.get(run_id)
    if row is None:
        return
    reports = [{name: value for name, value in status.items() if name != "lifecycle"} for status in statuses]
    updates = [from_dict(report, WorkflowExecutionUpdateStatusInput()) for report in summed_up(filter(None, reports))]
    if updates:
        _merge(tx, resources, resources.kind(KIND).message.FromString(row.body), updates)
    announce = getattr(resources.runners.get(RUNNER), "announce", None)  # a runner may tell others about its runs
    if announce is not None:
        for lifecycle in [status["lifecycle"] for status in statuses if "lifecycle" in status]:
            announce(tx, row.org, run_id, lifecycle)


def merge(tx: Transaction, resources: Resources, execution_id: str, update: Any) -> Any:
    """Merge an `updateStatus` input into the stored execution and return it.

    Tasks are merged by id. Nothing follows a terminal phase, so a late report changes no phase, output or error; and
    a run that was paused here is not put in progress by one.

    Raises:
        NotFoundError: there is no such execution.
    """
    return _merge(tx, resources, resources.get_in(tx, resources.kind(KIND), execution_id), [update])


def _merge(tx: Transaction, resources: Resources, execution: Any, updates: Iterable[Any]) -> Any:
    current, before = execution.status, execution.status.phase
    for update in updates:
        _merge_one(tx, execution, update)
    if current.phase in TERMINAL and current.phase != enum_pb2.EXECUTION_FAILED:  # a failed one may be recovered
        close_context(tx, resources, execution.metadata.id)
    slot: audit.Slot | None = "status_audit" if current.phase != before else None
    return resources.save_in(tx, resources.kind(KIND), execution, slot=slot)


def _merge_one(tx: Transaction, execution: Any, update: Any) -> None:
    current, reported, before = execution.status, update.status, execution.status.phase
    _merge_tasks(current, reported.tasks)
    if before not in TERMINAL:
        _merge_outcome(current, reported)
        _merge_pending(current, update)
        _stamp_times(current, tx.now)
    for event in update.events:
        if event.event_type == event_pb2.execution_started:  # a runner knows the document, not whose it is
            event.execution_started.workflow_id = execution.spec.workflow_id
            event.execution_started.workflow_instance_id = execution.spec.workflow_instance_id
    append_events(tx, execution.metadata.id, update.events, ended=before in TERMINAL)


def append_events(tx: Transaction, execution_id: str, events: Iterable[Any], *, ended: bool = False) -> None:
    """Append events to an execution's log; a sequence number that is there already is left as it is.

    Raises:
        InvalidArgumentError: an event's type is unknown, or its sequence number leaves no room behind it.
    """
    unnumbered: list[tuple[str, bytes]] = []
    for event in events:
        name = _EVENT_TYPES.get(event.event_type)
        if event.sequence_number > _LAST_SEQUENCE or name is None:
            raise InvalidArgumentError(f"event {event.event_id} has a sequence number or a type that there is not")
        if ended and name.startswith("execution_"):
            continue
        body = event.SerializeToString()
        if event.sequence_number:
            tx.append_events(execution_id, unnumbered)
            unnumbered = []
            tx.append_event(execution_id, type=name, body=body, sequence=event.sequence_number)
        else:
            unnumbered.append((name, body))
    tx.append_events(execution_id, unnumbered)


def logged_event(stored: Any) -> Any:
    """Return a stored event with its place in the log."""
    event = event_pb2.WorkflowExecutionEvent.FromString(stored.body)
    event.sequence_number = stored.sequence
    event.event_id = event.event_id or f"{stored.stream}/{stored.sequence}"
    event.occurred_at = event.occurred_at or wire_time(stored.created_at)
    return event


def wire_time(moment: datetime) -> str:
    """Return a time as the API's text fields carry it: RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime | None:
    """Return the time in a text field of a status; None for what is none: clients report what they like."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def seconds_between(started: str, ended: str) -> float | None:
    """Return the seconds between two text fields of a status, or None when one of them is no time."""
    first, last = moment_of(started), moment_of(ended)
    return (last - first).total_seconds() if first and last else None


def _merge_tasks(current: Any, reported: Iterable[Any]) -> None:
    places = {task.task_id: index for index, task in enumerate(current.tasks)}
    for task in reported:
        place = places.get(task.task_id)
        if place is None:
            places[task.task_id] = len(current.tasks)
            current.tasks.add().CopyFrom(task)
        else:
            started = current.tasks[place].started_at
            current.tasks[place].CopyFrom(task)
            current.tasks[place].started_at = task.started_at or started


def _merge_outcome(current: Any, reported: Any) -> None:
    for name in ("phase", "error", "started_at", "completed_at", "temporal_workflow_id"):
        value = getattr(reported, name)
        held = name == "phase" and current.phase == enum_pb2.EXECUTION_PAUSED and value not in TERMINAL
        if value and not held:
            setattr(current, name, value)
    for name in ("total_cost_micros", "total_input_tokens", "total_output_tokens"):
        value = getattr(reported, name)
        if value:
            setattr(current, name, value)
    if reported.HasField("output"):
        current.output.CopyFrom(reported.output)


def _merge_pending(current: Any, update: Any) -> None:
    """Replace what waits for a person, where the update says so: of one called agent only when it names one."""
    child = update.pending_update_child_agent_execution_id
    for name in ("pending_approvals", "pending_file_reviews"):
        ended = current.phase in TERMINAL
        if not ended and not getattr(update, f"update_{name}"):
            continue
        kept = [one for one in getattr(current, name) if child and one.child_agent_execution_id != child]
        current.ClearField(name)
        if not ended:
            getattr(current, name).extend([*kept, *getattr(update.status, name)])


def _stamp_times(current: Any, now: datetime) -> None:
    if current.phase != enum_pb2.EXECUTION_PENDING and not current.started_at:
        current.started_at = wire_time(now)
    if current.phase in TERMINAL and not current.completed_at:
        current.completed_at = wire_time(now)
