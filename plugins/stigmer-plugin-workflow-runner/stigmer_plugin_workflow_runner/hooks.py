"""What this plugin adds: the runner `workflow`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core import hookimpl
from stigmer_core.program import Runner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import grpc.aio

    from stigmer_core import Service
    from stigmer_core.program import Engine, Json
    from stigmer_core.resources import Resources
    from stigmer_plugin_workflow_runner.wiring import Wiring


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRunner(Runner):
    """The runner, with what its activities work with: it is made before the services are, and filled in with them."""

    wiring: Wiring


@hookimpl
def stigmer_runners(configuration: Mapping[str, Json]) -> Sequence[Runner]:
    """Return the runner of workflows."""
    from stigmer_plugin_workflow_runner.activities import activities  # noqa: PLC0415 - not for the command line
    from stigmer_plugin_workflow_runner.program.compiler import check  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.program.program import WorkflowProgram  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.wiring import Wiring  # noqa: PLC0415

    wiring = Wiring()
    allow = configuration.get("network", {}).get("allow", ())
    found = activities(wiring, allow=allow)
    return [WorkflowRunner(name="workflow", program=WorkflowProgram(), activities=found, check=check, wiring=wiring)]


@hookimpl
def stigmer_services(
    resources: Resources, engine: Engine | None, runners: Mapping[str, Runner], channel: grpc.aio.Channel
) -> Sequence[Service]:
    """Return none: this is where the runner learns what it works with."""
    runner = runners.get("workflow")
    if isinstance(runner, WorkflowRunner):
        runner.wiring.resources, runner.wiring.engine, runner.wiring.channel = resources, engine, channel
    return []
