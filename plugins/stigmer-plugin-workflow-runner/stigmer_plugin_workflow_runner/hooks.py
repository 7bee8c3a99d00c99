"""What this plugin adds: the runners `workflow` and `workflow-schedule`, and the events between runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from stigmer_core import hookimpl
from stigmer_core.program import Runner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    import grpc.aio

    from stigmer_core import Service
    from stigmer_core.kind import Job
    from stigmer_core.program import Engine, Json
    from stigmer_core.resources import Resources
    from stigmer_core.store import Migrations, Transaction
    from stigmer_plugin_workflow_runner.wiring import Wiring


ENDED_DROPPED_EVERY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRunner(Runner):
    """The runner, with what its activities work with: it is made before the services are, and filled in with them."""

    wiring: Wiring

    def announce(self, tx: Transaction, org: str, run_id: str, lifecycle: dict[str, Json]) -> None:
        """Tell the runs of an organisation that listen for it what has happened to one of them."""
        from stigmer_plugin_workflow_runner.announcing import announce  # noqa: PLC0415 - with the first run

        if self.wiring.engine is not None:
            announce(tx, self.wiring.engine, org, run_id, lifecycle)


@hookimpl
def stigmer_migrations() -> Migrations:
    """Return the tables of who listens to events, and of schedules."""
    from stigmer_core.store import Migrations  # noqa: PLC0415 - the command line has no store

    return Migrations("workflow-runner", "stigmer_plugin_workflow_runner")


@hookimpl
def stigmer_runners(configuration: Mapping[str, Json]) -> Sequence[Runner]:
    """Return the runner of workflows, and the one that starts them by their schedules."""
    from stigmer_plugin_workflow_runner.activities import HOME, SHORT, activities  # noqa: PLC0415 - not for the command line
    from stigmer_plugin_workflow_runner.activities.scheduled import Starting  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.checking import Check  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.notifications import notifications_of  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.program.program import WorkflowProgram  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.program.scheduled import ScheduledProgram  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.scheduling import RUNNER, ScheduleRunner  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.wiring import Wiring  # noqa: PLC0415

    wiring = Wiring()
    allow = configuration.get("network", {}).get("allow", ())
    channels = notifications_of(configuration)
    sandbox = configuration.get("sandbox", "auto")
    found = activities(wiring, allow=allow, sandbox=sandbox, notifications=channels)
    starting = Starting(wiring).activities()
    return [
        WorkflowRunner(
            name="workflow",
            program=WorkflowProgram(),
            activities=found,
            check=Check(channels, found),
            home=HOME,
            short=SHORT,
            wiring=wiring,
        ),
        ScheduleRunner(
            name=RUNNER,
            program=ScheduledProgram(),
            activities=starting,
            home=frozenset(starting),
            sleeps=True,
            wiring=wiring,
        ),
    ]


@hookimpl
def stigmer_services(
    resources: Resources, engine: Engine | None, runners: Mapping[str, Runner], channel: grpc.aio.Channel
) -> Sequence[Service]:
    """Return none: this is where the runner learns what it works with."""
    runner = runners.get("workflow")
    if isinstance(runner, WorkflowRunner):
        runner.wiring.resources, runner.wiring.engine, runner.wiring.channel = resources, engine, channel
    return []


@hookimpl
def stigmer_worker(values: Callable[[str], Awaitable[Mapping[str, str]]], runners: Mapping[str, Runner]) -> None:
    """Take the secrets of runs from the server."""
    runner = runners.get("workflow")
    if isinstance(runner, WorkflowRunner):
        runner.wiring.values = values


@hookimpl
def stigmer_jobs(resources: Resources) -> Sequence[Job]:
    """Return what forgets the runs that listened and have ended."""
    from stigmer_core.kind import Job  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.events import drop_ended  # noqa: PLC0415

    return [Job("listeners of ended runs", ENDED_DROPPED_EVERY, partial(drop_ended, resources))]
