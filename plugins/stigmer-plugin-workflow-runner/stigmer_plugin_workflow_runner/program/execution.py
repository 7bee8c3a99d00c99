"""One step of a run: a working copy of its state, and the commands it makes.

The state is plain JSON: a flat map of frames, each with its parent's id, which is the tree of tasks under way. What
a frame holds is never changed in place: values are shared between the old state and the new one.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stigmer_core.program import CallActivity, Cancel, Signal, StartChild, StartTimer
from stigmer_plugin_workflow_runner.program import review
from stigmer_plugin_workflow_runner.program.durations import moment_after
from stigmer_plugin_workflow_runner.program.faults import fault
from stigmer_plugin_workflow_runner.program.lifecycle import AnnouncedStatus
from stigmer_plugin_workflow_runner.program.secrets import named
from stigmer_plugin_workflow_runner.program.sizes import within_limits
from stigmer_plugin_workflow_runner.program.status import timestamp
from stigmer_plugin_workflow_runner.program.variables import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from stigmer_core.program import Command, Json
    from stigmer_plugin_workflow_runner.program.document import Directive, Document, Task
    from stigmer_plugin_workflow_runner.program.templates import Template

_NAMESPACE = uuid.UUID("6f1b2a52-4b1c-5a0e-9d0b-2c8d1f6b7a10")
_MISSING = object()
KEPT_SIGNALS = 1_000
TIMEOUT = "?timeout"  # the suffix of the timer that ends a task; no position ends like it, for "?" ends no pointer


class Execution:
    """What the bodies of tasks work on."""

    def __init__(self, document: Document, state: Mapping[str, Json], now: datetime) -> None:
        self.document = document
        self.now = now
        self.timestamp = timestamp(now)
        self.state: dict[str, Any] = dict(state)
        self.frames: dict[str, dict[str, Any]] = dict(state["frames"])
        self.waits: dict[str, str] = dict(state["waits"])
        self.ready: list[list[Json]] = list(state["ready"])
        self.commands: list[Command] = []
        self.status = AnnouncedStatus(document, self.state, self.timestamp)
        self.origin: dict[str, Json] | None = None  # of the fault that passes upwards: what there was when it arose
        self._changed: set[str] = set()

    # Frames

    def frame(self, frame_id: str) -> Mapping[str, Any]:
        """Return a frame to read."""
        return self.frames[frame_id]

    def change(self, frame_id: str) -> dict[str, Any]:
        """Return a frame to change: a copy, made once a step."""
        if frame_id not in self._changed:
            self.frames[frame_id] = dict(self.frames[frame_id])
            self._changed.add(frame_id)
        return self.frames[frame_id]

    def input(self, frame_id: str) -> Json:
        """Return the task's input, after `input.from`."""
        return self.frames[frame_id]["input"]

    def age(self, frame_id: str) -> timedelta:
        """Return for how long the task has been under way."""
        return self.now - datetime.fromisoformat(self.frames[frame_id]["started"])

    def enter(self, frame_id: str, task: Task, parent: str | None, index: int, value: Json) -> None:
        """Add a frame for a task with its raw input, and begin it in its turn."""
        self.frames[frame_id] = {
            "id": frame_id,
            "task": task.pointer,
            "parent": parent,
            "index": index,
            "input": value,
            "started": self.timestamp,
            "children": 0,
        }
        self._changed.add(frame_id)
        if parent is not None:
            self.change(parent)["children"] += 1
        self.ready.append(["enter", frame_id])

    def complete(self, frame_id: str, output: Json, *, then: Directive | None = None) -> None:
        """Complete a task with its raw output, in its turn; `then` overrules the task's own directive."""
        self.ready.append(["complete", frame_id, output, then])

    def fail(self, frame_id: str, error: dict[str, Json]) -> None:
        """Let a task fault, in its turn."""
        self.ready.append(["fault", frame_id, error])

    def drop(self, frame_id: str, *, cancelled: bool) -> None:
        """Remove a frame with its children, and cancel what they wait for."""
        frame = self.frames[frame_id]
        if frame["children"]:
            self.drop_children(frame_id)
        if cancelled:
            self.status.cancelled(frame)
        for command_id in frame.get("waits", ()):
            if self.waits.pop(command_id, None) is not None:
                self.commands.append(Cancel(command_id))
        del self.frames[frame_id]
        parent = frame["parent"]
        if parent is not None and parent in self.frames:
            self.change(parent)["children"] -= 1

    def drop_children(self, frame_id: str) -> None:
        """Remove the children of a frame, which count as cancelled."""
        for child in [name for name, frame in self.frames.items() if frame["parent"] == frame_id]:
            self.drop(child, cancelled=True)

    # Commands

    def call(self, frame_id: str, activity: str, arguments: Json, *, key: str = "") -> None:
        """Ask for an activity, under the frame's own id unless a key is given.

        Raises:
            TaskFault: the arguments ask for secrets that the run does not declare, nor was given in its input.
        """
        foreign = named(arguments) - set(self.state["secrets"])
        if foreign and not foreign <= named(self.state["input"]):
            raise fault("authorization", f"the run does not declare the secret {min(foreign)!r}")
        self._wait(frame_id, key or frame_id)
        self.commands.append(CallActivity(key or frame_id, activity, arguments))

    def start_child(self, frame_id: str, runner: str, value: Json) -> None:
        """Ask for another run, under the frame's own id; it is not shown as a resource of its own."""
        self._wait(frame_id, frame_id)
        self.commands.append(StartChild(frame_id, runner, value))

    def wake(self, frame_id: str, timer_id: str, delay: timedelta) -> None:
        """Ask to be woken after a delay."""
        self._wait(frame_id, timer_id)
        self.commands.append(StartTimer(timer_id, moment_after(self.now, delay)))

    def listen(self, frame_id: str) -> None:
        """Offer the task what others send the run, also what came before and nobody took; until it ends."""
        self.change(frame_id)["listens"] = True
        earlier, self.state["inbox"] = self.state.get("inbox", []), []
        for kept in earlier:
            signal = Signal(kept["id"], kept["name"], kept["payload"], self.now)
            if not (self.is_listening(frame_id) and review.offer(self, frame_id, signal)):
                self.keep(signal)

    def stop_listening(self, frame_id: str) -> None:
        """Offer the task no more signals."""
        self.change(frame_id)["listens"] = False

    def is_listening(self, frame_id: str) -> bool:
        """Return whether a task takes signals."""
        return bool(frame_id in self.frames and self.frames[frame_id].get("listens"))

    def keep(self, signal: Signal) -> None:
        """Keep a signal that nobody takes yet; of too many the oldest go."""
        kept = {"id": signal.id, "name": signal.name, "payload": signal.payload}
        self.state["inbox"] = [*self.state.get("inbox", []), kept][-KEPT_SIGNALS:]

    def answer(self, command_id: str) -> str | None:
        """Take what is waited for off the list; return whose it was, None when nobody waits for it."""
        frame_id = self.waits.pop(command_id, None)
        if frame_id is not None:
            frame = self.change(frame_id)
            frame["waits"] = [other for other in frame["waits"] if other != command_id]
        return frame_id

    def _wait(self, frame_id: str, command_id: str) -> None:
        frame = self.change(frame_id)
        frame["waits"] = [*frame.get("waits", ()), command_id]
        self.waits[command_id] = frame_id

    # Expressions

    def evaluate(self, template: Template, frame_id: str, value: Json = _MISSING, **extra: Json) -> Json:
        """Return what a template makes of the task's input, or of another value.

        Raises:
            TaskFault: an expression fails, or makes too large a value.
        """
        current = self.frames[frame_id]["input"] if value is _MISSING else value
        if not template.variables:
            return within_limits(template.evaluate(current, {}))
        scope = self._scope(frame_id)
        variables = {
            name: extra[name] if name in extra else scope[name] if name in scope else VARIABLES[name](self, frame_id)
            for name in template.variables
        }
        return within_limits(template.evaluate(current, variables))

    def _scope(self, frame_id: str | None) -> dict[str, Json]:
        """Return the variables of the loops and handlers around a task; the innermost wins."""
        found: dict[str, Json] = {}
        while frame_id is not None:
            frame = self.frames[frame_id]
            if frame.get("variables"):
                found = {**frame["variables"], **found}
            frame_id = None if frame.get("isolated") else frame["parent"]
        return found

    def unique_id(self, position: str) -> str:
        """Return an id that is the same whenever this step is made again, and nobody else's."""
        return str(uuid.uuid5(_NAMESPACE, f"{self.state['id']}\n{position}"))

    def saved(self) -> Json:
        """Return the state after the step; a run that has ended needs none, unless it may be recovered."""
        if self.state["ended"]:
            empty: dict[str, Any] = {"frames": {}, "waits": {}, "ready": []}
            return {**self.state, **empty} if self.state.get("recovery") else {"ended": True}
        return {**self.state, "frames": self.frames, "waits": self.waits, "ready": self.ready}
