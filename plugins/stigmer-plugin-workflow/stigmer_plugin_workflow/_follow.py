"""Following a run to its end: progress on stderr, one line per thing that happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.workflowexecution.v1 import event_pb2 as events

from stigmer_core.cli import ExitCode
from stigmer_plugin_workflow import _client as client
from stigmer_plugin_workflow._trace import event_line

if TYPE_CHECKING:
    from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution

    from stigmer_core.cli import Session

_CODES = {
    pb.EXECUTION_COMPLETED: ExitCode.OK,
    pb.EXECUTION_CANCELLED: ExitCode.RUN_CANCELLED,
    pb.EXECUTION_TERMINATED: ExitCode.RUN_CANCELLED,
}
# Shown while a run goes on; `runs logs` has everything.
_SHOWN = frozenset(
    {
        events.task_completed,
        events.task_failed,
        events.task_retrying,
        events.execution_paused,
        events.approval_requested,
    }
)


def follow(session: Session, execution_id: str) -> WorkflowExecution:
    """Show a run's progress and return its last state."""
    for event in client.events(session, execution_id, after=0, follow=True):
        if event.event_type in _SHOWN:
            session.note(f"  {event_line(event, time=False)}")
            if event.approval_requested.outcomes and session.connection().address:  # else nobody else gets in
                outcomes = "|".join(outcome.name for outcome in event.approval_requested.outcomes)
                session.note(f"  answer it with        stigmer runs answer {execution_id} {event.task_name} {outcomes}")
    execution = client.get(session, execution_id)
    session.note(f"{client.phase_word(execution)}")
    return execution


def outcome_code(execution: WorkflowExecution) -> ExitCode:
    """Return the exit code that a run's phase means."""
    return _CODES.get(execution.status.phase, ExitCode.RUN_FAILED)
