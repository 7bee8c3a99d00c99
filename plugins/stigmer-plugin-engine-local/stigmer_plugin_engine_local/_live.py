"""A run in memory: what its snapshot and its journal say."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from stigmer_core.program import (
    ActivityDone,
    ActivityFailed,
    CallActivity,
    Cancel,
    ChildDone,
    Complete,
    Fail,
    Publish,
    StartChild,
    StartTimer,
    TimerFired,
)

if TYPE_CHECKING:
    from stigmer_core.program import Command, Event, Json, Step

Answer = ActivityDone | ActivityFailed | TimerFired | ChildDone
Request = CallActivity | StartTimer | StartChild

EVENTS_PER_SNAPSHOT = 64
BYTES_PER_SNAPSHOT = 256 * 1024


@dataclass(slots=True)
class LiveRun:
    """A run under way.

    `sequence` is its last event's, `outstanding` what it asked for and has no answer to, `unpublished` what it
    published and is not shown yet; something was shown last at `published_at`, in seconds of the monotonic clock.
    """

    run_id: str
    runner: str
    parent: tuple[str, str]  # the parent's run id and command, empty for a run of its own
    state: Json = None
    sequence: int = 0
    outstanding: dict[str, Request] = field(default_factory=dict)
    tail_events: int = 0
    tail_bytes: int = 0
    ended: bool = False
    unpublished: tuple[Json, ...] = ()
    published_at: float = -inf

    @property
    def busy(self) -> bool:
        """Return whether an activity is outstanding."""
        return any(isinstance(request, CallActivity) for request in self.outstanding.values())

    @property
    def wants_snapshot(self) -> bool:
        """Return whether the journal has grown enough since the last snapshot."""
        return self.tail_events >= EVENTS_PER_SNAPSHOT or self.tail_bytes >= BYTES_PER_SNAPSHOT

    def expects(self, event: Event) -> bool:
        """Return whether an event means something: an answer does only to what is outstanding."""
        if not isinstance(event, Answer):
            return True
        request = self.outstanding.get(event.id)
        if isinstance(event, TimerFired) and isinstance(request, StartTimer):
            return event.now >= request.due  # not so one of that name that was cancelled while it fired
        return request is not None

    def after(self, event: Event | None, step: Step, size_bytes: int) -> LiveRun:
        """Return the run after one more event; this one stays as it is, should the event not be recorded."""
        outstanding = dict(self.outstanding)
        if isinstance(event, Answer):
            outstanding.pop(event.id, None)
        ended = False
        for command in step.commands:
            ended = ended or isinstance(command, (Complete, Fail))
            _apply(outstanding, command)
        # A child has no resource that shows it
        shown = () if self.parent[0] else tuple(one.status for one in step.commands if isinstance(one, Publish))
        return LiveRun(
            self.run_id,
            self.runner,
            self.parent,
            step.state,
            self.sequence + 1,
            outstanding,
            self.tail_events + 1,
            self.tail_bytes + size_bytes,
            ended,
            self.unpublished + shown,
            self.published_at,
        )


def _apply(outstanding: dict[str, Request], command: Command) -> None:
    if isinstance(command, Request):
        outstanding[command.id] = command
    elif isinstance(command, Cancel):
        outstanding.pop(command.id, None)
