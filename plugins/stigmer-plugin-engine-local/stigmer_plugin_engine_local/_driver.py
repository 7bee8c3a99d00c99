"""One step of a run: ask the program, record, then act."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from stigmer_core.errors import AlreadyExistsError, NotFoundError, ResourceExhaustedError, StoreError, UnavailableError
from stigmer_core.program import (
    CallActivity,
    Cancel,
    Failure,
    StartChild,
    StartTimer,
    defect,
)
from stigmer_core.program_json import bounded, decode, encode, text
from stigmer_plugin_engine_local import _store
from stigmer_plugin_engine_local._live import BYTES_PER_SNAPSHOT, Answer, LiveRun
from stigmer_plugin_engine_local._recorder import MailFirstError, Recorded, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stigmer_core.program import Event, Publisher, Runner
    from stigmer_core.store import Store, Transaction
    from stigmer_plugin_engine_local._activities import Activities
    from stigmer_plugin_engine_local._claims import Claims
    from stigmer_plugin_engine_local._journal import Journal
    from stigmer_plugin_engine_local._timers import Timers

logger = logging.getLogger(__name__)

STARTED = '{"type":"Started"}'  # the first entry of every journal: the step that `start` made
PUBLISH_SECONDS = 0.1  # at most between two writes of a run's status, while the run goes on by itself
PUBLISH_SECONDS_PER_RUN = 0.005  # more of that for each run that has an activity in flight
CROWD = 16  # runs that have an activity in flight: of one more, the first step may wait to be shown too
PAUSE_SECONDS = 0.5  # before a write that failed for lack of space or a closed store is made again


class Board(Protocol):
    """Where a driver says which runs have something to do."""

    def notice(self, run_id: str) -> None:
        """Drive a run whose inbox has something."""


class Driver:
    """Makes steps; the engine sees to it that a run has one at a time."""

    def __init__(
        self,
        *,
        store: Store,
        claims: Claims,
        journal: Journal,
        runners: Mapping[str, Runner],
        publisher: Publisher,
        activities: Activities,
        timers: Timers,
        board: Board,
    ) -> None:
        self._store = store
        self._claims = claims
        self._journal = journal
        self._runners = runners
        self._recorder = Recorder(claims, publisher)
        self._activities = activities
        self._timers = timers
        self._board = board

    async def load(self, run_id: str, stored: _store.Stored | None = None) -> LiveRun | None:
        """Return a run as its snapshot and journal say, None when it has ended; make its first step if it has none.

        Activities that are outstanding and not in flight are called again. `stored` is what was just stored of the run.
        """
        stored = stored or self._store.read(lambda reader: _store.load(reader, self._claims, run_id))
        if stored is None or stored.outcome:
            return None
        live = LiveRun(run_id, stored.runner, stored.parent, sequence=stored.snapshot_sequence)
        if stored.runner not in self._runners:
            return await self._park(live, f"there is no runner {stored.runner!r}")
        if stored.snapshot is None and not stored.tail:
            return await self._begin(live, stored)
        try:
            live = self._replayed(live, stored)
        except Exception:  # a program of somebody else's, or a newer one: the run is parked
            logger.exception("journal not replayed run=%s", run_id)
            return await self._park(live, defect(f"this version of {stored.runner!r} cannot replay the journal"))
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
        except Exception:  # the program's bug: this run is parked, all others go on
            logger.exception("program failed run=%s event=%s", live.run_id, event.id)
            return await self._park(live, defect(f"the runner {live.runner!r} failed at a step"))
        publishes = mail is not None or self.wants_publishing(after)
        return await self._commit(Recorded(live, after, step, event, entry, written, mail, publishes))

    async def _begin(self, live: LiveRun, stored: _store.Stored) -> LiveRun:
        try:
            step = self._runners[live.runner].program.start(stored.input, stored.asked_at)
        except Exception:  # the program's bug
            logger.exception("program failed run=%s event=start", live.run_id)
            return await self._park(live, defect(f"the runner {live.runner!r} failed at the start"))
        after = live.after(None, step, len(STARTED))
        if len(self._activities.runs()) >= CROWD:
            after.published_at = monotonic()
        publishes = self.wants_publishing(after)
        return await self._commit(Recorded(live, after, step, None, None, STARTED, None, publishes))

    # Publishing

    def wants_publishing(self, live: LiveRun) -> bool:
        """Return whether what a run has published must be shown with its step.

        That costs more than all the rest of a step, so steps that follow each other quickly are shown together: where
        an activity is in flight, after a tenth of a second, and later the more such runs there are.
        """
        if not live.unpublished:
            return False
        patience = PUBLISH_SECONDS + PUBLISH_SECONDS_PER_RUN * len(self._activities.runs())
        return live.ended or live.wants_snapshot or not live.busy or monotonic() - live.published_at >= patience

    async def publish(self, live: LiveRun) -> LiveRun:
        """Show what a run has published since it was shown last, and return the run."""

        def record(tx: Transaction) -> None:
            self._recorder.publish(tx, live)
            _store.note_published(tx, live.run_id, live.sequence)

        return await self._recording(record, live, live)

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
            if live.sequence <= stored.published:
                live.unpublished = ()
            event = decode(entry)
            live = live.after(event, program.advance(live.state, event), len(str(entry)))
        if live.sequence <= stored.published:
            live.unpublished = ()
        return live

    # Recording

    async def _commit(self, recorded: Recorded) -> LiveRun:
        live = recorded.live
        if not (recorded.is_plain and await self._journal.append(recorded)):
            live = await self._recording(
                lambda tx: self._recorder.record(tx, recorded), recorded.before, live, publishes=recorded.publishes
            )
        if live is recorded.live:
            self._act(recorded)
        return live

    async def _recording(
        self, record: Callable[[Transaction], None], before: LiveRun, live: LiveRun, *, publishes: bool = True
    ) -> LiveRun:
        """Record, and return the run after it; one that cannot be recorded is parked as it was before."""
        try:
            await self._write(record)
        except MailFirstError:
            raise
        except NotFoundError:  # what shows the run was deleted
            return await self._park(before, "the resource that shows the run is gone", publish=False)
        except (StoreError, AlreadyExistsError):  # not the run's fault
            raise
        except Exception:
            logger.exception("step not recorded run=%s", live.run_id)
            return await self._park(before, defect("the step cannot be recorded"))
        if publishes and live.unpublished:
            live.unpublished, live.published_at = (), monotonic()
        return live

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

    async def _park(self, live: LiveRun, reason: str, *, publish: bool = True) -> LiveRun:
        """End a run that cannot go on, with its reason."""
        failure = Failure("about:blank", "Parked", 500, reason)

        def record(tx: Transaction) -> None:
            self._recorder.record_end(tx, live, "parked", failure=failure)
            if publish and not live.parent[0]:
                status = {"phase": "EXECUTION_FAILED", "error": reason, "completedAt": tx.now.isoformat()}
                self._recorder.publish(tx, live, {"status": status, "events": []})
                _store.note_published(tx, live.run_id, live.sequence)

        try:
            await self._write(record)
        except Exception:
            if not publish:
                raise
            logger.exception("status not published run=%s", live.run_id)
            further = bool(live.unpublished)  # one of those may be what cannot be published
            live.unpublished = ()
            return await self._park(live, reason, publish=further)
        logger.error("run parked run=%s reason=%s", live.run_id, reason)
        live.ended, live.unpublished = True, ()
        self._finish(live, live.outstanding)
        return live

    # Acting

    def _act(self, recorded: Recorded) -> None:
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
