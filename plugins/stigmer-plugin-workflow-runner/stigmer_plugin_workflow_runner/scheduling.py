"""Schedules of stored workflows: kept in the transaction that writes the workflow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.errors import FailedPreconditionError
from stigmer_core.program import Run, Runner
from stigmer_plugin_workflow_runner import listeners

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_core.store import Reader, Transaction
    from stigmer_plugin_workflow_runner.wiring import Wiring

RUNNER = "workflow-schedule"

_GET = "SELECT generation, definition FROM workflow_schedule WHERE workflow_id = ?"
_PUT = (
    "INSERT INTO workflow_schedule (workflow_id, generation, definition) VALUES (?, ?, ?) "
    "ON CONFLICT (workflow_id) DO UPDATE SET generation = excluded.generation, definition = excluded.definition"
)
_DROP = "DELETE FROM workflow_schedule WHERE workflow_id = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRunner(Runner):
    """The runner behind `schedule`, with what keeps the schedules of stored workflows; it is found by its name."""

    wiring: Wiring

    def arrange(self, tx: Transaction, workflow_id: str, org: str, document: dict[str, Json]) -> None:
        """Let a stored workflow start as its document says from now on; what has not changed goes on as it is.

        Raises:
            FailedPreconditionError: it has a schedule, and no engine is installed.
        """
        section = document.get("schedule")
        definition = json.dumps(section, sort_keys=True) if section else ""
        generation, before = _known(tx, workflow_id)
        if definition == before:
            return
        if before:
            self._end(tx, f"{workflow_id}@{generation}", "the workflow has another schedule")
        tx.execute(_PUT, (workflow_id, generation + 1, definition))
        if section:
            self._begin(tx, f"{workflow_id}@{generation + 1}", org, section)

    def forget(self, tx: Transaction, workflow_id: str) -> None:
        """Start a workflow no more, for it is deleted; runs that were started go on."""
        generation, definition = _known(tx, workflow_id)
        if definition:
            self._end(tx, f"{workflow_id}@{generation}", "the workflow was deleted")
        tx.execute(_DROP, (workflow_id,))

    def _begin(self, tx: Transaction, run_id: str, org: str, section: dict[str, Json]) -> None:
        from stigmer_plugin_workflow_runner.program.compiler import Compiler  # noqa: PLC0415 - a start of the server
        from stigmer_plugin_workflow_runner.program.schedules import compile_schedule  # noqa: PLC0415

        engine = self.wiring.engine
        if engine is None:
            raise FailedPreconditionError(
                "no engine is installed, so the schedule would start nothing: pip install stigmer-plugin-engine-local"
            )
        on = compile_schedule(Compiler({}), section).on
        if on is not None:
            listeners.add(tx, org, run_id, sorted(on.types()))
        engine.start(tx, Run(run_id, RUNNER, {"schedule": section}))

    def _end(self, tx: Transaction, run_id: str, reason: str) -> None:
        listeners.drop(tx, [run_id])
        if self.wiring.engine is not None:
            self.wiring.engine.cancel(tx, run_id, reason)


def is_current(reader: Reader, run_id: str) -> bool:
    """Return whether a run of the engine is its workflow's schedule, and not one of before."""
    workflow_id, _, generation = run_id.rpartition("@")
    known, definition = _known(reader, workflow_id)
    return bool(definition) and str(known) == generation


def _known(reader: Reader, workflow_id: str) -> tuple[int, str]:
    rows = reader.execute(_GET, (workflow_id,))
    return (int(rows[0][0]), str(rows[0][1])) if rows else (0, "")
