"""Workflows that start by themselves: the runner that knows schedules is told of what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from stigmer_core.errors import FailedPreconditionError
from stigmer_plugin_workflow.translation.document import dsl_document

if TYPE_CHECKING:
    from stigmer_core import Change
    from stigmer_core.program import Json
    from stigmer_core.store import Transaction

RUNNER = "workflow-schedule"


class Scheduler(Protocol):
    """What the runner of schedules offers beside its program; the plugin that has it is another one."""

    def arrange(self, tx: Transaction, workflow_id: str, org: str, document: dict[str, Json]) -> None:
        """Let a workflow start as its document says from now on."""

    def forget(self, tx: Transaction, workflow_id: str) -> None:
        """Start a workflow no more."""


def arrange(change: Change) -> None:
    """Let a workflow that was written start as its document says.

    Raises:
        FailedPreconditionError: it has a schedule, and nothing here would start it.
    """
    workflow, document = change.new, dsl_document(change.new)
    scheduler = change.resources.runners.get(RUNNER)
    if scheduler is not None:
        metadata = workflow.metadata
        cast("Scheduler", scheduler).arrange(change.tx, metadata.id, metadata.org, document)
    elif document.get("schedule"):
        raise FailedPreconditionError("nothing here runs schedules: pip install stigmer-plugin-workflow-runner")


def forget(change: Change) -> None:
    """Start a workflow no more that is being deleted (a `before_delete` step)."""
    scheduler = change.resources.runners.get(RUNNER)
    if scheduler is not None:
        cast("Scheduler", scheduler).forget(change.tx, change.old.metadata.id)
