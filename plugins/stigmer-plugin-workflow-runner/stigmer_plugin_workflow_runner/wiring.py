"""What activities work with, beside their arguments: filled in when the installation is composed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stigmer_core.program import ActivityError, Failure
from stigmer_core.resources import context_values
from stigmer_plugin_workflow_runner.program.faults import BASE
from stigmer_plugin_workflow_runner.program.secrets import filled, hidden

if TYPE_CHECKING:
    from collections.abc import Mapping

    import grpc.aio

    from stigmer_core.program import Activity, ActivityContext, Engine, Json
    from stigmer_core.resources import Resources


class Wiring:
    """The parts of the installation; None where a program runs without one, as in its own tests."""

    def __init__(self) -> None:
        self.resources: Resources | None = None
        self.engine: Engine | None = None
        self.channel: grpc.aio.Channel | None = None

    def secrets(self, run_id: str) -> Mapping[str, Json]:
        """Return the secrets and variables of a run, or of the run whose child it is; a JSON object counts as one."""
        if self.resources is None:
            return {}
        resources, root = self.resources, root_run(run_id)
        values = resources.store.read(lambda reader: context_values(reader, resources, root))
        return {name: _parsed(value) for name, value in values.items()}

    def with_secrets(self, activity: Activity) -> Activity:
        """Return an activity whose arguments have the secrets in place of their marks."""

        async def call(arguments: Json, context: ActivityContext) -> Json:
            try:
                ready = filled(arguments, _Late(self, context.run_id))
            except KeyError as error:
                detail = f"the run was not given the secret {error.args[0]!r}"
                raise ActivityError(Failure(f"{BASE}authorization", "Authorization Error", 403, detail)) from error
            return hidden(await activity(ready, context))  # what comes from outside cannot ask for secrets

        return call


class _Late(dict[str, Any]):
    """Reads the secrets of a run when the first mark asks for one."""

    def __init__(self, wiring: Wiring, run_id: str) -> None:
        super().__init__()
        self._wiring, self._run_id = wiring, run_id

    def __missing__(self, name: str) -> Json:
        if not self:
            self.update(self._wiring.secrets(self._run_id))
        if name not in self:
            raise KeyError(name)
        return self[name]


def root_run(run_id: str) -> str:
    """Return the id of the resource that a run, a child of one, or a schedule (`<workflow id>@<number>`) belongs to."""
    return run_id.partition("/")[0].partition("@")[0]


def _parsed(value: str) -> Json:
    try:
        parsed = json.loads(value)
    except ValueError:
        return value
    return parsed if isinstance(parsed, (dict, list)) else value
