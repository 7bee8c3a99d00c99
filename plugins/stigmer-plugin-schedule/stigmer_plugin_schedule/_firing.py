"""The activities of the runner `schedule`: `fire` starts an agent run, `skip` notes that there was none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.schedule.v1 import io_pb2

from stigmer_core.errors import NotFoundError, ResourceExhaustedError, UnavailableError
from stigmer_core.program import ActivityError, Failure
from stigmer_plugin_schedule import _store, _timer
from stigmer_plugin_schedule._recording import KIND, record
from stigmer_plugin_schedule._starting import start_agent
from stigmer_plugin_schedule._store import Fired

if TYPE_CHECKING:
    from stigmer_core.program import ActivityContext, Json
    from stigmer_core.store import Reader
    from stigmer_plugin_schedule._wiring import Wiring

_CRON = io_pb2.SCHEDULE_RUN_ORIGIN_CRON


class Firing:
    """The activities. Either may be called again for the same time: what is recorded is not done twice."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    async def fire(self, arguments: Json, context: ActivityContext) -> Json:
        """Start the agent run of a time and record it; nothing if the schedule does not want it any more.

        Raises:
            ActivityError: it cannot be done now; it may be later.
        """
        schedule_id, due = arguments["schedule_id"], datetime.fromisoformat(arguments["due"])
        try:
            store = self._wiring.resources.store
            schedule = store.read(lambda reader: self._wanted(reader, context.run_id, schedule_id, due))
            if schedule is not None:
                started = await start_agent(self._wiring, schedule, execution_name(schedule, due))
                await self._record(schedule_id, fired(due, _CRON, started))
        except (UnavailableError, ResourceExhaustedError) as error:
            raise ActivityError(Failure("about:blank", "Unavailable", 503, error.message, retryable=True)) from error

    async def skip(self, arguments: Json, _context: ActivityContext) -> None:
        """Record that nothing ran at a time, and why."""
        due = datetime.fromisoformat(arguments["due"])
        outcome = io_pb2.SCHEDULE_RUN_OUTCOME_SKIPPED
        await self._record(arguments["schedule_id"], Fired(due, _CRON, outcome, arguments["reason"]))

    def _wanted(self, reader: Reader, run_id: str, schedule_id: str, due: datetime) -> Any:
        row = reader.get(schedule_id)
        if row is None or not _timer.is_current(reader, run_id) or _store.is_recorded(reader, schedule_id, due):
            return None
        schedule = self._wiring.resources.kind(KIND).message.FromString(row.body)
        return schedule if _timer.is_active(schedule) else None

    async def _record(self, schedule_id: str, one: Fired) -> None:
        try:
            await self._wiring.resources.store.run(lambda tx: record(tx, self._wiring, schedule_id, one))
        except NotFoundError:  # deleted meanwhile, and its history with it
            return


def fired(due: datetime, origin: int, started: Any) -> Fired:
    """Return the record of a start."""
    return Fired(due, origin, started.outcome, started.reason, started.execution_id)


def execution_name(schedule: Any, due: datetime, suffix: str = "") -> str:
    """Return the name of the agent run of a time: the same one, however often it is asked for."""
    minute = due.astimezone(UTC).strftime("%Y%m%d%H%M")
    return f"{schedule.metadata.slug}-{minute}{suffix}"
