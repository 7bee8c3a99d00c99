"""Writing down what came of a schedule's times: in its history and in its status, as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.schedule.v1 import io_pb2

from stigmer_plugin_schedule import _store, _timer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.store import Transaction
    from stigmer_plugin_schedule._ending import Ended
    from stigmer_plugin_schedule._store import Fired
    from stigmer_plugin_schedule._wiring import Wiring

KIND = "Schedule"
SESSION_LABEL = "stigmer.ai/schedule-id"  # the platform's: what a person did recently leaves such sessions out


def record(tx: Transaction, wiring: Wiring, schedule_id: str, fired: Fired) -> Any:
    """Record a time that a schedule was due or triggered, and return the schedule as it is then.

    A time of the cron expression that is recorded already is left as it is.

    Raises:
        NotFoundError: the schedule is gone.
    """
    resources = wiring.resources
    kind = resources.kind(KIND)
    schedule = resources.get_in(tx, kind, schedule_id)
    if not _store.add_run(tx, schedule_id, fired):
        return schedule
    status = schedule.status
    if fired.outcome != io_pb2.SCHEDULE_RUN_OUTCOME_SKIPPED:
        status.last_fire_at.FromDatetime(fired.due)
    if fired.outcome in (io_pb2.SCHEDULE_RUN_OUTCOME_REFUSED, io_pb2.SCHEDULE_RUN_OUTCOME_TARGET_MISSING):
        _timer.count_failure(tx, wiring, schedule, fired.reason)
    elif fired.execution_id:
        status.last_execution_id = fired.execution_id
        _mark_session(tx, wiring, fired.execution_id, schedule_id)
    if fired.origin == io_pb2.SCHEDULE_RUN_ORIGIN_CRON:
        _timer.set_next_time(schedule, max(fired.due, tx.now))
    return resources.save_in(tx, kind, schedule)


def _mark_session(tx: Transaction, wiring: Wiring, execution_id: str, schedule_id: str) -> None:
    """Say in the session of a run that a schedule made it."""
    execution = tx.get(execution_id)
    kind = wiring.resources.kinds.get("Session")
    if execution is None or kind is None:
        return
    parsed: Any = wiring.resources.kind(execution.kind).message.FromString(execution.body)
    if tx.get(parsed.spec.session_id) is None:
        return
    session = wiring.resources.get_in(tx, kind, parsed.spec.session_id)
    if session.metadata.labels.get(SESSION_LABEL) != schedule_id:
        session.metadata.labels[SESSION_LABEL] = schedule_id
        wiring.resources.save_in(tx, kind, session, slot=None)


def record_ends(tx: Transaction, wiring: Wiring, ended: Sequence[Ended]) -> None:
    """Record how agent runs ended that schedules started, in the order they were started."""
    for one in ended:
        if _store.end_run(tx, one.run, outcome=one.outcome, reason=one.reason, completed_at=one.at or tx.now):
            _count(tx, wiring, one)


def _count(tx: Transaction, wiring: Wiring, ended: Ended) -> None:
    if not ended.counts:
        return
    kind = wiring.resources.kind(KIND)
    schedule = wiring.resources.get_in(tx, kind, ended.run.schedule_id)
    if ended.outcome == io_pb2.SCHEDULE_RUN_OUTCOME_COMPLETED:
        if not schedule.status.consecutive_failures:
            return
        schedule.status.consecutive_failures = 0
    else:
        _timer.count_failure(tx, wiring, schedule, ended.reason)
    wiring.resources.save_in(tx, kind, schedule)
