"""What activities work with, beside their arguments: filled in when the installation is composed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from stigmer_core.program import ActivityError, Failure
from stigmer_core.resources import context_values
from stigmer_plugin_workflow_runner.program.faults import BASE
from stigmer_plugin_workflow_runner.program.secrets import filled, hidden, named

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import grpc.aio

    from stigmer_core.program import Activity, ActivityContext, Engine, Json
    from stigmer_core.resources import Resources


class Wiring:
    """The parts of the installation; None where a program runs without one, as in its own tests."""

    def __init__(self) -> None:
        self.resources: Resources | None = None
        self.engine: Engine | None = None
        self.channel: grpc.aio.Channel | None = None
        self.values: Callable[[str], Awaitable[Mapping[str, str]]] | None = None  # those of runs, in a worker

    async def secrets(self, run_id: str) -> Mapping[str, Json]:
        """Return the secrets and variables of a run, or of the run whose child it is; a JSON object counts as one."""
        resources, root = self.resources, root_run(run_id)
        if resources is not None:
            values: Mapping[str, str] = resources.store.read(lambda reader: context_values(reader, resources, root))
        elif self.values is not None:
            values = await self.values(root)
        else:
            values = {}
        return {name: _parsed(value) for name, value in values.items()}

    def with_secrets(self, activity: Activity) -> Activity:
        """Return an activity whose arguments have the secrets in place of their marks."""

        async def call(arguments: Json, context: ActivityContext) -> Json:
            secrets = await self.secrets(context.run_id) if named(arguments) else {}
            try:
                ready = filled(arguments, secrets)
            except KeyError as error:
                detail = f"the run was not given the secret {error.args[0]!r}"
                raise ActivityError(Failure(f"{BASE}authorization", "Authorization Error", 403, detail)) from error
            return hidden(await activity(ready, context))  # what comes from outside cannot ask for secrets

        return call


def root_run(run_id: str) -> str:
    """Return the id of the resource that a run, a child of one, or a schedule (`<workflow id>@<number>`) belongs to."""
    return run_id.partition("/")[0].partition("@")[0]


def _parsed(value: str) -> Json:
    try:
        parsed = json.loads(value)
    except ValueError:
        return value
    return parsed if isinstance(parsed, (dict, list)) else value
