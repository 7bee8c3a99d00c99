"""What happens to a run and its tasks, for whoever listens to it: the DSL's lifecycle events, before they are events.

A step's part is small and always made; whether there are listeners is found out where it is stored.
Source: DSL reference, "Lifecycle Events".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.program import Publish
from stigmer_plugin_workflow_runner.program.secrets import hidden
from stigmer_plugin_workflow_runner.program.status import MOST_EVENTS, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.document import Document

PREFIX = "io.serverlessworkflow."
_STATUSES = {
    "created": "pending",
    "started": "running",
    "suspended": "suspended",
    "resumed": "running",
    "retried": "running",
    "cancelled": "cancelled",
    "faulted": "faulted",
    "completed": "completed",
}


class AnnouncedStatus(Status):
    """The status of a step, with what is to be announced of it."""

    def __init__(self, document: Document, state: dict[str, Any], now: str) -> None:
        super().__init__(document, state, now)
        self._happened: list[dict[str, Json]] = []

    # The run

    def run_started(self) -> None:
        """Show that the run has begun."""
        super().run_started()
        self._happened.append({"what": "started"})

    def run_suspended(self) -> None:
        """Note that the run is on hold."""
        self._happened.append({"what": "suspended"})

    def run_resumed(self) -> None:
        """Note that the run goes on."""
        self._happened.append({"what": "resumed"})

    def run_completed(self, output: Json) -> None:
        """Show that the run has ended with an output."""
        super().run_completed(output)
        self._happened.append({"what": "completed", "output": output})

    def run_failed(self, error: Mapping[str, Json]) -> None:
        """Show that the run has ended with an error."""
        super().run_failed(error)
        self._happened.append({"what": "faulted", "error": dict(error)})

    def run_cancelled(self, reason: str) -> None:
        """Show that the run has ended because somebody asked."""
        super().run_cancelled(reason)
        self._happened.append({"what": "cancelled"})

    # Tasks

    def started(self, frame: Mapping[str, Json]) -> None:
        """Show that a task has begun."""
        super().started(frame)
        self._task_happened(frame, "started")

    def completed(self, frame: Mapping[str, Json], output: Json) -> None:
        """Show that a task has completed."""
        super().completed(frame, output)
        self._task_happened(frame, "completed", output=output)

    def failed(self, frame: Mapping[str, Json], error: Mapping[str, Json]) -> None:
        """Show that a task has faulted."""
        super().failed(frame, error)
        self._task_happened(frame, "faulted", error=dict(error))

    def cancelled(self, frame: Mapping[str, Json]) -> None:
        """Show that a task was stopped."""
        super().cancelled(frame)
        if frame["parent"] is not None:
            self._task_happened(frame, "cancelled")

    def retrying(self, frame: Mapping[str, Json], error: Mapping[str, Json], delay: Any) -> None:
        """Show that a `try` is about to be tried again."""
        super().retrying(frame, error, delay)
        self._task_happened(frame, "retried")

    # The result

    def publish(self) -> Publish | None:
        """Return the command that shows it all, None when nothing has changed."""
        published = super().publish()
        if not self._happened:
            return published
        header = self._document.definition["document"]
        lifecycle = {
            "name": f"{self._state['id']}.{header['namespace']}",
            "definition": {name: header[name] for name in ("namespace", "name", "version")},
            "first": self._state.get("announced", 0),
            "at": self._now,
            "events": self._happened,
        }
        self._state["announced"] = lifecycle["first"] + len(self._happened)
        shown = published.status if published is not None else {}
        return Publish({**shown, "lifecycle": lifecycle})

    def _task_happened(self, frame: Mapping[str, Json], what: str, **more: Json) -> None:
        if self._state["events"] <= MOST_EVENTS and self._is_shown(frame):
            self._happened.append({"what": what, "task": frame["task"], **more})


def lifecycle_events(run_id: str, lifecycle: dict[str, Any]) -> list[dict[str, Json]]:
    """Return the CloudEvents of what happened, each with the one that says what the status is now."""
    found: list[dict[str, Json]] = []
    at, of = lifecycle["at"], lifecycle["definition"]
    source = f"/{of['namespace']}/{of['name']}/{of['version']}"
    for number, what, happened in _each(lifecycle):
        of_task = "task" in happened
        name = lifecycle["name"]
        subject: dict[str, Json] = {"workflow": name, "task": happened["task"]} if of_task else {"name": name}
        more: dict[str, Json] = {part: hidden(happened[part]) for part in ("output", "error") if part in happened}
        if what == "started" and not of_task:
            more["definition"] = of
        kind = f"{PREFIX}{'task' if of_task else 'workflow'}"
        event = {"specversion": "1.0", "source": source, "time": at, "datacontenttype": "application/json"}
        event_id = f"{run_id}/{number}/{what}"
        told = {**subject, f"{what}At": at, **more}
        changed = {**subject, "updatedAt": at, "status": _STATUSES[what]}
        found.append({**event, "id": event_id, "type": f"{kind}.{what}.v1", "data": told})
        found.append({**event, "id": f"{event_id}/status", "type": f"{kind}.status-changed.v1", "data": changed})
    return found


def _each(lifecycle: dict[str, Any]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield what happened with its number in the run; a task is created the moment it starts."""
    for number, happened in enumerate(lifecycle["events"], start=lifecycle["first"]):
        if happened["what"] == "started" and "task" in happened:
            yield number, "created", happened
        yield number, happened["what"], happened
