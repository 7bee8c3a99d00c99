"""Programs, runners and engines: how something runs.

A **program** is the logic of a run as a pure state machine: state and event in, state and commands out. It has no
clock, no random numbers and no I/O, and its state is plain JSON, so a run can be stopped, shown, moved and resumed.
An **activity** is a named effect that a program asks for. A **runner** is what a plugin adds: a program and its
activities. An **engine** drives programs durably.

A command's id is its position in the run (`/do/2/loop#3/do/0@1`: pointer, iteration, attempt). It is stable across
crashes, so it serves as the idempotency key of the effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from stigmer_core.errors import Problem
    from stigmer_core.store import Transaction

Json: TypeAlias = Any  # what json.loads returns: dict, list, str, int, float, bool, None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run or an activity failed, as problem details (RFC 9457).

    `type` is a URI, `status` an HTTP-like number, `instance` a JSON pointer into the document that ran.
    `retryable` tells the program whether the same call may succeed later.
    """

    type: str
    title: str
    status: int = 500
    detail: str = ""
    instance: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class CallActivity:
    """Ask for an effect; answered by `ActivityDone` or `ActivityFailed` with the same id."""

    id: str
    activity: str
    arguments: Json
    timeout: timedelta | None = None


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Ask to be woken at an absolute time; answered by `TimerFired`."""

    id: str
    due: datetime


@dataclass(frozen=True, slots=True)
class StartChild:
    """Ask for another run of `runner`; answered by `ChildDone`."""

    id: str
    runner: str
    input: Json


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the activity, timer or child that this id names; no answer follows."""

    id: str


@dataclass(frozen=True, slots=True)
class Publish:
    """Show a status, once the event that caused it is stored: then or soon after, in order, and never lost.

    `status` is what the run's kind merges: for a WorkflowExecution the proto3 JSON of its `updateStatus` input.
    """

    status: Json


@dataclass(frozen=True, slots=True)
class Complete:
    """End the run with an output."""

    output: Json


@dataclass(frozen=True, slots=True)
class Fail:
    """End the run with a failure, or as cancelled."""

    failure: Failure
    cancelled: bool = False


Command: TypeAlias = CallActivity | StartTimer | StartChild | Cancel | Publish | Complete | Fail


@dataclass(frozen=True, slots=True)
class ActivityDone:
    """The effect `id` happened and returned `result`."""

    id: str
    result: Json
    now: datetime


@dataclass(frozen=True, slots=True)
class ActivityFailed:
    """The effect `id` did not happen, or not right."""

    id: str
    failure: Failure
    now: datetime


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The time of timer `id` has come."""

    id: str
    now: datetime


@dataclass(frozen=True, slots=True)
class ChildDone:
    """The child run `id` ended: with an output, or with a failure."""

    id: str
    output: Json
    failure: Failure | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Signal:
    """Somebody sent the run a message; `id` makes a repeated delivery recognisable."""

    id: str
    name: str
    payload: Json
    now: datetime


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Somebody asked the run to stop."""

    id: str
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True)
class RecoverRequested:
    """Somebody asked a run that has failed to go on from where it failed; its state is the one it failed with."""

    id: str
    now: datetime


Event: TypeAlias = ActivityDone | ActivityFailed | TimerFired | ChildDone | Signal | CancelRequested | RecoverRequested


@dataclass(frozen=True, slots=True)
class Step:
    """What a program answers: its next state (plain JSON) and what it wants done, in order."""

    state: Json
    commands: Sequence[Command]


class Program(Protocol):
    """The logic of a run: pure and synchronous."""

    def start(self, input: Json, now: datetime) -> Step:  # noqa: A002 - the field's word
        """Return the first step of a run."""

    def advance(self, state: Json, event: Event) -> Step:
        """Return the next step; an event that answers nothing outstanding changes nothing."""


@dataclass(frozen=True, slots=True)
class ActivityContext:
    """What an activity knows of its call: `command_key` is unique per effect and stable across crashes."""

    run_id: str
    command_key: str
    attempt: int


Activity: TypeAlias = "Callable[[Json, ActivityContext], Awaitable[Json]]"


class ActivityError(Exception):
    """What an activity raises to fail with a typed problem; anything else becomes a runtime failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail or failure.title)
        self.failure = failure


def defect(what: str) -> str:
    """Return what people read of a bug in a program or an activity: `what` happened, on every engine in these words."""
    return f"{what}: this is a defect, which the log of the server or worker describes"


@dataclass(frozen=True, slots=True)
class Runner:
    """What a plugin adds to execute something.

    `check` returns what is wrong with an input's document before anything is written; `concurrency` bounds the
    activities of this runner that are in flight at once. `short` names activities that take milliseconds and may be
    called twice: an engine may call them where the program runs, without a record of their beginning. Runs of one that
    `sleeps` mostly wait for a time: an engine may keep nothing of them open meanwhile. `home` names
    activities that work with the installation itself, its store or its services: only its server can call them, any
    worker the others.
    """

    name: str
    program: Program
    activities: Mapping[str, Activity] = field(default_factory=dict)
    check: Callable[[Json], Sequence[Problem]] | None = None
    concurrency: int = 100
    short: frozenset[str] = frozenset()
    home: frozenset[str] = frozenset()
    sleeps: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A run to start: `run_id` is the id of the resource that shows it, so starting twice is harmless."""

    run_id: str
    runner: str
    input: Json


class Engine(Protocol):
    """What drives programs durably.

    The three methods that take a transaction only record: what they record becomes true with the caller's commit,
    and the engine acts on it afterwards, so a run and the resource that shows it are one write.
    """

    name: str

    def ready(self) -> bool:
        """Return whether new runs can be started now."""

    def start(self, tx: Transaction, run: Run) -> None:
        """Record a new run; a run id that exists is left as it is."""

    def signal(self, tx: Transaction, run_id: str, name: str, payload: Json, *, signal_id: str = "") -> None:
        """Record a signal; the same `signal_id` twice is one signal.

        Raises:
            NotFoundError: there is no such run.
            FailedPreconditionError: it has ended.
        """

    def cancel(self, tx: Transaction, run_id: str, reason: str) -> None:
        """Record a wish to cancel; a run that has ended is left as it is."""

    def recover(self, tx: Transaction, run_id: str) -> None:
        """Record a wish that a failed run goes on from where it failed: its program gets `RecoverRequested`.

        Raises:
            NotFoundError: there is no such run, or it is not kept any more.
            FailedPreconditionError: it has not failed.
        """

    async def open(self) -> None:
        """Resume what was running and accept new runs."""

    async def close(self) -> None:
        """Stop driving; what is recorded is resumed by the next `open`."""


class Publisher(Protocol):
    """Shows what runs publish, by the kind of the resource that shows the run."""

    def __call__(self, tx: Transaction, run_id: str, /, *statuses: Json) -> None:
        """Merge what a run published, one or several, in this order."""
