"""The RPCs of Schedule beyond the generic ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from ai.stigmer.agentic.schedule.v1 import io_pb2

from stigmer_core.errors import FailedPreconditionError
from stigmer_core.resources import numbered_page, spliced
from stigmer_plugin_schedule import _store, _timer
from stigmer_plugin_schedule._firing import execution_name, fired
from stigmer_plugin_schedule._recording import record
from stigmer_plugin_schedule._starting import start_agent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stigmer_core import Kind
    from stigmer_core.kind import Encoded
    from stigmer_core.store import Reader, Row, Transaction
    from stigmer_plugin_schedule._wiring import Wiring

_SUFFIX = 8
_MANUAL = io_pb2.SCHEDULE_RUN_ORIGIN_MANUAL


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ScheduleCommands:
    """Serves `resume` and `trigger`."""

    def __init__(self, kind: Kind, wiring: Wiring, clock: Callable[[], datetime] = _utc_now) -> None:
        self._kind = kind
        self._wiring = wiring
        self._resources = wiring.resources
        self._clock = clock

    async def resume(self, request: io_pb2.ScheduleId) -> Any:
        """End a pause of the server's; a schedule that is not paused stays as it is.

        Raises:
            NotFoundError: there is no such schedule.
            FailedPreconditionError: it is enabled, and no engine is installed to fire it.
        """
        return await self._resources.store.run(lambda tx: self._resumed(tx, request.value))

    async def trigger(self, request: io_pb2.ScheduleId) -> io_pb2.ScheduleTriggerResult:
        """Start an agent run now; also while the server has paused the schedule.

        Raises:
            NotFoundError: there is no such schedule.
            FailedPreconditionError: it is disabled.
            UnavailableError: nothing can be started now; nothing is recorded.
        """
        store, schedule_id, now = self._resources.store, request.value, self._clock()
        schedule = store.read(lambda reader: self._resources.get_in(reader, self._kind, schedule_id))
        if not schedule.spec.enabled:
            raise FailedPreconditionError(f"schedule {schedule_id} is disabled: set spec.enabled to true first")
        suffix = self._resources.new_id(self._kind)[-_SUFFIX:]
        started = await start_agent(self._wiring, schedule, execution_name(schedule, now, f"-{suffix}"))
        written = await store.run(lambda tx: record(tx, self._wiring, schedule_id, fired(now, _MANUAL, started)))
        return io_pb2.ScheduleTriggerResult(
            schedule=written,
            outcome=cast("Any", started.outcome),  # an enum is a type of its own to the stubs
            execution_id=started.execution_id,
            refusal_reason=started.reason,
        )

    def _resumed(self, tx: Transaction, schedule_id: str) -> Any:
        schedule = self._resources.get_in(tx, self._kind, schedule_id)
        if not schedule.status.paused_reason:
            return schedule
        schedule.status.paused_reason = ""
        schedule.status.consecutive_failures = 0
        _timer.set_next_time(schedule, tx.now)
        if _timer.is_active(schedule):
            _timer.start(tx, self._wiring, schedule)
        return self._resources.save_in(tx, self._kind, schedule)


class ScheduleQueries:
    """Serves `list`, `getByAgent` and `listRuns`."""

    def __init__(self, kind: Kind, wiring: Wiring) -> None:
        self._kind = kind
        self._resources = wiring.resources
        self._store = wiring.resources.store

    async def list(self, request: io_pb2.ListSchedulesRequest) -> Encoded:
        """Return a page of an organization's schedules, newest first; every one of `labels` must match."""
        page = numbered_page(request.page_info)
        where: dict[str, Any] = {"org": request.org, "labels": dict(request.labels)}
        rows, total = self._store.read(
            lambda reader: (
                reader.page(self._kind.name, limit=page.size, offset=page.offset, **where),
                reader.count(self._kind.name, **where),
            )
        )
        return spliced(io_pb2.ScheduleList(total_count=total), "items", rows)

    async def get_by_agent(self, request: io_pb2.GetSchedulesByAgentRequest) -> Encoded:
        """Return a page of the schedules that run an agent, newest first; none for an agent that is not there."""
        rows, total = self._store.read(lambda reader: self._of_agent(reader, request))
        return spliced(io_pb2.ScheduleList(total_count=total), "items", rows)

    async def list_runs(self, request: io_pb2.ListScheduleRunsRequest) -> io_pb2.ScheduleRunList:
        """Return a page of a schedule's history, the latest entry first.

        Raises:
            NotFoundError: there is no such schedule.
        """
        return self._store.read(lambda reader: self._runs(reader, request))

    def _of_agent(self, reader: Reader, request: io_pb2.GetSchedulesByAgentRequest) -> tuple[Sequence[Row], int]:
        agent = reader.get(request.agent_id)
        if agent is None or agent.kind != "Agent":
            return [], 0
        page = numbered_page(request.page_info)
        ids, total = _store.by_agent(reader, agent.org, agent.slug, request.org, limit=page.size, offset=page.offset)
        return [row for row in map(reader.get, ids) if row is not None], total

    def _runs(self, reader: Reader, request: io_pb2.ListScheduleRunsRequest) -> io_pb2.ScheduleRunList:
        row = self._resources.row_in(reader, self._kind, request.schedule_id)
        page = numbered_page(request.page_info)
        runs = _store.runs(reader, row.id, limit=page.size, offset=page.offset)
        for run in runs:
            run.org = row.org
        return io_pb2.ScheduleRunList(total_count=_store.count_runs(reader, row.id), items=runs)
