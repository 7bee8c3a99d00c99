"""Schedules of Temporal: each wakes one run that sleeps, at the time that its program waits for.

The program says when, so every rule of every calendar is the same on every engine; a schedule has one time, and
another one each time the run goes back to sleep.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
)
from temporalio.service import RPCError, RPCStatusCode

from stigmer_plugin_engine_temporal._names import task_queue, workflow_id, workflow_type

if TYPE_CHECKING:
    from temporalio.client import Client, ScheduleUpdateInput
    from temporalio.common import TypedSearchAttributes

    from stigmer_core.program import Json

SOON = timedelta(seconds=2)  # too soon for a schedule, the time of which may have passed when it is made
CATCH_UP = timedelta(days=365)  # whatever is due while Temporal or its workers are away is the program's to judge
ANSWER_WITHIN = timedelta(seconds=10)


def is_soon(until: datetime) -> bool:
    """Return whether a run is better woken at once: it waits for the rest itself."""
    return until - datetime.now(UTC) < SOON


async def put_to_sleep(client: Client, waking: Json, until: datetime, attributes: TypedSearchAttributes) -> None:
    """Let a schedule say when it is time to wake a run; the one that it has gets another time."""
    runner, identity = waking["runner"], workflow_id(waking["runner"], waking["run_id"])
    action = ScheduleActionStartWorkflow(
        workflow_type(runner),
        waking,
        id=identity,  # to which Temporal adds the time
        task_queue=task_queue(runner),
        typed_search_attributes=attributes,
    )
    schedule = Schedule(
        action=action,
        spec=ScheduleSpec(calendars=[_at(until)], time_zone_name="UTC"),
        policy=SchedulePolicy(catchup_window=CATCH_UP),
    )

    def changed(_input: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(schedule)

    try:
        await client.create_schedule(identity, schedule, rpc_timeout=ANSWER_WITHIN)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(identity).update(changed, rpc_timeout=ANSWER_WITHIN)


async def forget(client: Client, runner: str, run_id: str) -> None:
    """Remove the schedule of a run, if there is one."""
    try:
        await client.get_schedule_handle(workflow_id(runner, run_id)).delete(rpc_timeout=ANSWER_WITHIN)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


def _at(until: datetime) -> ScheduleCalendarSpec:
    """Return the first whole second that is not before a moment."""
    whole = until.astimezone(UTC)
    if whole.microsecond:
        whole = whole.replace(microsecond=0) + timedelta(seconds=1)
    return ScheduleCalendarSpec(
        second=[ScheduleRange(whole.second)],
        minute=[ScheduleRange(whole.minute)],
        hour=[ScheduleRange(whole.hour)],
        day_of_month=[ScheduleRange(whole.day)],
        month=[ScheduleRange(whole.month)],
        year=[ScheduleRange(whole.year)],
    )
