"""What is wrong with a document here: by itself, and with what this server has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.errors import Problem
from stigmer_plugin_workflow_runner.activities.jsonata import INSTALL, library
from stigmer_plugin_workflow_runner.program.calls._activity import CallActivity
from stigmer_plugin_workflow_runner.program.calls._delivery import Notify
from stigmer_plugin_workflow_runner.program.calls._human import Human
from stigmer_plugin_workflow_runner.program.calls._jsonata import JSONata
from stigmer_plugin_workflow_runner.program.compiler import check, compile_document

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.notifications import Notifications
    from stigmer_plugin_workflow_runner.program.document import Task


@dataclass(frozen=True, slots=True)
class Check:
    """Checks documents against what is configured and installed: channels and templates, extras, activities."""

    notifications: Notifications
    activities: Collection[str] = ()

    def __call__(self, document: Json) -> Sequence[Problem]:
        """Return the problems of a document."""
        found = check(document)
        if found:
            return found
        tasks = compile_document(document).tasks.values()
        return [problem for task in tasks for problem in self._of(task)]

    def _of(self, task: Task) -> Iterator[Problem]:
        pointer, body = f"{task.pointer}/with", task.body
        if isinstance(body, Notify):
            yield from _refused(f"{pointer}/channel", *self.notifications.refusal(body.channel))
            if body.template:
                yield from _refused(f"{pointer}/template", *self.notifications.template_refusal(body.template))
        elif isinstance(body, Human):
            for at, channel in enumerate(body.channels):
                refusal = self.notifications.refusal(channel, asks=True)
                yield from _refused(f"{pointer}/channels/{at}", *refusal)
        elif isinstance(body, CallActivity) and body.activity not in self.activities:
            yield Problem(f"{pointer}/activity", f"there is no activity {body.activity!r} here", "http is always there")
        elif isinstance(body, JSONata) and library() is None:
            yield Problem(f"{pointer}/expression", "JSONata is not installed here", INSTALL)


def _refused(pointer: str, message: str, hint: str) -> Iterator[Problem]:
    if message:
        yield Problem(pointer, message, hint)
