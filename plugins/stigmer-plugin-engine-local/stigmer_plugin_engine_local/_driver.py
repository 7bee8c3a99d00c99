"""One step of a run: ask the program, record, then act."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from stigmer_core.errors import AlreadyExistsError, NotFoundError, ResourceExhaustedError, StoreError, UnavailableError
from stigmer_core.program import (
    CallActivity,
    Cancel,
    CancelRequested,
    ChildDone,
    Complete,
    Fail,
    Failure,
    Publish,
    StartChild,
    StartTimer,
    Step,
    TimerFired,
)
from stigmer_plugin_engine_local import _store
from stigmer_plugin_engine_local._codec import bounded, decode, encode, failure_json, text
from stigmer_plugin_engine_local._live import BYTES_PER_SNAPSHOT, Answer, LiveRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stigmer_core.program import Event, Json, Publisher, Runner
    from stigmer_core.store import Store, Transaction
    from stigmer_plugin_engine_local._activities import Activities
    from stigmer_plugin_engine_local._claims import Claims
    from stigmer_plugin_engine_local._timers import Timers

logger = logging.getLogger(__name__)

STARTED = '{"type":"Started"}'  # the first entry of every journal: the step that `start` made
PAUSE_SECONDS = 0.5  # before a write that failed for lack of space or a closed store is made again


class MailFirstError(Exception):
    """Others recorded something for the run before this step: it comes first, and the step is made again after it.

    So a pause or a cancellation that was answered is never overtaken by what happens in the run.
    """


class Board(Protocol):
    """Where a driver says which runs have something to do."""

    def notice(self, run_id: str) -> None:
        """Drive a run whose inbox has something."""


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What a step came to: the run after it, and the commands to act on."""

    before: LiveRun
    live: LiveRun
    step: Step
    event: Event | None
    entry: Json  # the event as it is in the journal
    text: str  # the same, written
    mail: int | None


class Driver:
    """Makes steps; the engine sees to it that a run has one at a time."""

    def __init__(
        self,
        *,
        store: Store,
        claims: Claims,
        runners: Mapping[str, Runner],
        publisher: Publisher,
        activities: Activities,
        timers: Timers,
        board: Board,
    ) -> None:
        self._store = store
        self._claims = claims
        self._runners = runners
        self._publisher = publisher
        self._activities = activities
        self._timers = timers
        self._board = board

    async def load(self, run_id: str) -> LiveRun | None:
        """Return a run as its snapshot and journal say, None when it has ended; make its first step if it has none.

        Activities that are outstanding and not in flight are called again.
        """
        stored = self._store.read(lambda reader: _store.load(reader, self._claims, run_id))
        if stored is None or stored.outcome:
            return None
        live = LiveRun(run_id, stored.runner, stored.parent, sequence=stored.snapshot_sequence)
        if stored.runner not in self._runners:
            return await self._park(live, f"there is no runner {stored.runner!r}")
        if stored.snapshot is None and not stored.tail:
            return await self._begin(live, stored)
        try:
            live = self._replayed(live, stored)
        except Exception as error:  # noqa: BLE001 - a program of somebody else's, or a newer one: the run is parked
            return await self._park(live, f"the journal cannot be replayed: {type(error).__name__}: {error}")
        for request in live.outstanding.values():
            if isinstance(request, CallActivity):
                self._start_activity(live, request, attempt=2)
        return live

    async def step(self, live: LiveRun, event: Event, *, mail: int | None) -> LiveRun:
        """Return the run after an event: recorded, and its commands acted on."""
        if not live.expects(event):
            self._activities.forget(live.run_id, event.id)
            if mail is not None:
                await self._write(lambda tx: _store.take_mail(tx, self._claims, live.run_id, mail))
            return live
        try:
            step = self._runners[live.runner].program.advance(live.state, event)
            entry = encode(event)
            written = text(entry)
            if len(written) > BYTES_PER_SNAPSHOT:
                bounded(step.state, "the state of the run")
            after = live.after(event, step, len(written))
        except ResourceExhaustedError as error:
            return await self._park(live, error.message)
        except Exception as error:  # the program's bug: this run is parked, all others go on
            logger.exception("program failed run=%s event=%s", live.run_id, event.id)
            return await self._park(live, f"{type(error).__name__}: {error}")
        return await self._commit(_Recorded(live, after, step, event, entry, written, mail))

    async def _begin(self, live: LiveRun, stored: _store.Stored) -> LiveRun:
        try:
            step = self._runners[live.runner].program.start(stored.input, stored.asked_at)
        except Exception as error:  # the program's bug
            logger.exception("program failed run=%s event=start", live.run_id)
            return await self._park(live, f"{type(error).__name__}: {error}")
        return await self._commit(
            _Recorded(live, live.after(None, step, len(STARTED)), step, None, None, STARTED, None)
        )

    def _replayed(self, live: LiveRun, stored: _store.Stored) -> LiveRun:
        program = self._runners[live.runner].program
        tail = list(stored.tail)
        if stored.snapshot is not None:
            live.state = stored.snapshot["state"]
            live.outstanding = {request["id"]: decode(request) for request in stored.snapshot["outstanding"]}
        else:
            live = live.after(None, program.start(stored.input, stored.asked_at), len(STARTED))
            tail = tail[1:]
        for entry in tail:
            event = decode(entry)
            live = live.after(event, program.advance(live.state, event), len(str(entry)))
        return live

    # Recording

    async def _commit(self, recorded: _Recorded) -> LiveRun:
        try:
            await self._write(lambda tx: self._record(tx, recorded))
        except MailFirstError:
            raise
        except NotFoundError:  # what shows the run was deleted
            return await self._park(recorded.before, "the resource that shows the run is gone", publish=False)
        except (StoreError, AlreadyExistsError):  # not the run's fault
            raise
        except Exception as error:
            logger.exception("step not recorded run=%s", recorded.live.run_id)
            return await self._park(recorded.before, f"the step cannot be recorded: {type(error).__name__}: {error}")
        self._act(recorded)
        return recorded.live

    async def _write(self, function: Callable[[Transaction], None]) -> None:
        """Write, again and again while there is no space: what has happened must not be lost."""
        while True:
            try:
                await self._store.run(function)
            except (ResourceExhaustedError, UnavailableError) as error:
                logger.warning("step not recorded yet reason=%s", error)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    def _record(self, tx: Transaction, recorded: _Recorded) -> None:
        before, live = recorded.before, recorded.live
        if recorded.event is not None and recorded.mail is None and _store.has_mail(tx, live.run_id):
            raise MailFirstError
        entry = recorded.text
        if recorded.event is not None:
            entry = self._claims.kept(tx, live.run_id, _store.JOURNAL, recorded.entry, entry)
        _store.append(tx, live.run_id, live.sequence, entry)
        if recorded.mail is not None:
            _store.take_mail(tx, self._claims, live.run_id, recorded.mail)
        if isinstance(recorded.event, TimerFired):
            _store.remove_timer(tx, live.run_id, recorded.event.id)
        for command in recorded.step.commands:
            self._record_command(tx, before, command)
        if live.ended:
            if isinstance(recorded.step.commands[-1], Fail):  # what it failed with, should it be recovered
                snapshot = {"state": live.state, "outstanding": []}
                _store.save_snapshot(tx, self._claims, live.run_id, live.sequence, snapshot)
            return
        if before.busy != live.busy or live.sequence == 1:
            _store.set_busy(tx, live.run_id, busy=live.busy)
        if live.wants_snapshot:
            outstanding = [encode(request) for request in live.outstanding.values()]
            snapshot = {"state": live.state, "outstanding": outstanding}
            _store.save_snapshot(tx, self._claims, live.run_id, live.sequence, snapshot)
            live.tail_events = live.tail_bytes = 0

    def _record_command(self, tx: Transaction, before: LiveRun, command: object) -> None:
        run_id = before.run_id
        match command:
            case Publish():
                if not before.parent[0]:  # a child has no resource of its own
                    self._publisher(tx, run_id, command.status)
            case StartTimer():
                _store.add_timer(tx, run_id, command.id, command.due)
            case StartChild():
                child = f"{run_id}{command.id}"
                _store.add_run(tx, self._claims, child, command.runner, command.input, parent=(run_id, command.id))
            case Cancel():
                _store.remove_timer(tx, run_id, command.id)
                if isinstance(before.outstanding.get(command.id), StartChild):
                    event = CancelRequested("cancel", "its parent does not want it any more", tx.now)
                    _store.post(tx, self._claims, f"{run_id}{command.id}", encode(event))
            case Complete():
                self._record_end(tx, before, "completed", output=command.output)
            case Fail():
                outcome = "cancelled" if command.cancelled else "failed"
                self._record_end(tx, before, outcome, failure=command.failure)

    def _record_end(
        self, tx: Transaction, live: LiveRun, outcome: str, *, output: Json = None, failure: Failure | None = None
    ) -> None:
        result = output if failure is None else failure_json(failure)
        reason = failure.detail if failure is not None and outcome == "parked" else ""
        _store.end(tx, self._claims, live.run_id, outcome, result, reason=reason)
        parent_id, command_id = live.parent
        if parent_id and _store.outcome_of(tx, parent_id) == "":
            _store.post(tx, self._claims, parent_id, encode(ChildDone(command_id, output, failure, tx.now)))

    async def _park(self, live: LiveRun, reason: str, *, publish: bool = True) -> LiveRun:
        """End a run that cannot go on, with its reason."""
        failure = Failure("about:blank", "Parked", 500, reason)

        def record(tx: Transaction) -> None:
            self._record_end(tx, live, "parked", failure=failure)
            if publish and not live.parent[0]:
                status = {"phase": "EXECUTION_FAILED", "error": reason, "completedAt": tx.now.isoformat()}
                self._publisher(tx, live.run_id, {"status": status, "events": []})

        try:
            await self._write(record)
        except Exception:
            if not publish:
                raise
            logger.exception("status not published run=%s", live.run_id)
            return await self._park(live, reason, publish=False)
        logger.error("run parked run=%s reason=%s", live.run_id, reason)
        live.ended = True
        self._finish(live, live.outstanding)
        return live

    # Acting

    def _act(self, recorded: _Recorded) -> None:
        before, live = recorded.before, recorded.live
        if isinstance(recorded.event, Answer):
            self._activities.forget(live.run_id, recorded.event.id)
        for command in recorded.step.commands:
            match command:
                case CallActivity() if not live.ended:
                    self._start_activity(live, command, attempt=1)
                case StartTimer() if not live.ended and command.id in live.outstanding:
                    self._timers.arm(live.run_id, command.id, command.due)
                case StartChild():
                    self._board.notice(f"{live.run_id}{command.id}")
                case Cancel():
                    self._cancel(before, command.id)
        if live.ended:
            self._finish(live, {**before.outstanding, **live.outstanding})

    def _start_activity(self, live: LiveRun, command: CallActivity, *, attempt: int) -> None:
        if command.id in live.outstanding:
            self._activities.start(live.run_id, live.runner, command, attempt=attempt)

    def _cancel(self, before: LiveRun, command_id: str) -> None:
        self._timers.disarm(before.run_id, command_id)
        self._activities.cancel(before.run_id, command_id)
        if isinstance(before.outstanding.get(command_id), StartChild):
            self._board.notice(f"{before.run_id}{command_id}")

    def _finish(self, live: LiveRun, outstanding: Mapping[str, object]) -> None:
        for command_id in outstanding:
            self._timers.disarm(live.run_id, command_id)
        self._activities.cancel_all(live.run_id)
        if live.parent[0]:
            self._board.notice(live.parent[0])
