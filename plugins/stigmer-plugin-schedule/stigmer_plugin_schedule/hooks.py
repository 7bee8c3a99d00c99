"""What this plugin adds: the kind Schedule, and the runner `schedule` that fires it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ai.stigmer.agentic.schedule.v1 import command_pb2, query_pb2
from ai.stigmer.agentic.schedule.v1.api_pb2 import Schedule

from stigmer_core import Column, Kind, Service, hookimpl, service_names
from stigmer_plugin_schedule import _steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import grpc.aio

    from stigmer_core.kind import Job
    from stigmer_core.program import Engine, Runner
    from stigmer_core.resources import Resources
    from stigmer_core.store import Migrations

ENDS_SEEN_EVERY = timedelta(seconds=30)

SCHEDULE = Kind(
    name="Schedule",
    message=Schedule,
    api_version="agentic.stigmer.ai/v1",
    id_prefix="sch",
    plural="schedules",
    short_names=("sch",),
    description="runs an agent at set times",
    number=56,
    services=service_names(command_pb2, query_pb2),
    columns=(
        Column("CRON", "spec.cron"),
        Column("ZONE", "spec.timeZone"),
        Column("ENABLED", "spec.enabled"),
        Column("NEXT", "status.nextFireAt"),
        Column("LAST", "status.lastFireAt"),
        Column("PAUSED", "status.pausedReason", wide=True),
    ),
    searchable=False,
    apply_order=80,
    check=_steps.check_schedule,
    before_write=_steps.before_write,
    after_write=_steps.after_write,
    before_delete=_steps.before_delete,
    publish=_steps.pause_parked,
)


@hookimpl
def stigmer_kinds() -> Sequence[Kind]:
    """Return Schedule."""
    return [SCHEDULE]


@hookimpl
def stigmer_migrations() -> Migrations:
    """Return the tables of timers and of the history."""
    from stigmer_core.store import Migrations  # noqa: PLC0415 - the command line reads kinds without the store

    return Migrations("schedule", "stigmer_plugin_schedule.migrations")


@hookimpl
def stigmer_runners() -> Sequence[Runner]:
    """Return the runner of schedules, with a wiring that `stigmer_services` connects."""
    from stigmer_plugin_schedule._firing import Firing  # noqa: PLC0415 - imports grpc
    from stigmer_plugin_schedule._wiring import RUNNER, ScheduleRunner, Wiring  # noqa: PLC0415
    from stigmer_plugin_schedule.program.program import ScheduleProgram  # noqa: PLC0415

    wiring = Wiring()
    firing = Firing(wiring)
    activities = {"fire": firing.fire, "skip": firing.skip}
    home = frozenset(activities)
    program = ScheduleProgram()
    return [ScheduleRunner(name=RUNNER, program=program, activities=activities, home=home, sleeps=True, wiring=wiring)]


@hookimpl
def stigmer_services(resources: Resources, engine: Engine | None, channel: grpc.aio.Channel) -> Sequence[Service]:
    """Return what schedules have beyond the generic RPCs."""
    from stigmer_plugin_schedule._controller import ScheduleCommands, ScheduleQueries  # noqa: PLC0415 - imports grpc
    from stigmer_plugin_schedule._wiring import wiring_of  # noqa: PLC0415

    wiring = wiring_of(resources)
    wiring.connect(resources, engine, channel)
    commands, queries = SCHEDULE.services
    return [
        Service(commands, ScheduleCommands(SCHEDULE, wiring)),
        Service(queries, ScheduleQueries(SCHEDULE, wiring)),
    ]


@hookimpl
def stigmer_jobs(resources: Resources) -> Sequence[Job]:
    """Return what sees how the agent runs ended that schedules started."""
    from stigmer_core.kind import Job  # noqa: PLC0415
    from stigmer_plugin_schedule._ending import ended_runs  # noqa: PLC0415
    from stigmer_plugin_schedule._recording import record_ends  # noqa: PLC0415
    from stigmer_plugin_schedule._wiring import wiring_of  # noqa: PLC0415

    wiring = wiring_of(resources)

    async def see_ends() -> None:
        ended = await resources.store.read_slowly(ended_runs)
        if ended:
            await resources.store.run(lambda tx: record_ends(tx, wiring, ended))

    return [Job("schedule ends", ENDS_SEEN_EVERY, see_ends)]
