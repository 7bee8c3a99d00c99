"""What this plugin adds: the runner `workflow`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_core import hookimpl
from stigmer_core.program import Runner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stigmer_core.program import Json


@hookimpl
def stigmer_runners(configuration: Mapping[str, Json]) -> Sequence[Runner]:
    """Return the runner of workflows."""
    from stigmer_plugin_workflow_runner.activities.http import HttpActivity  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.program.compiler import check  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.program.program import WorkflowProgram  # noqa: PLC0415

    allow = configuration.get("network", {}).get("allow", ())
    return [
        Runner(
            name="workflow",
            program=WorkflowProgram(),
            activities={"http": HttpActivity(allow=allow)},
            check=check,
        )
    ]
