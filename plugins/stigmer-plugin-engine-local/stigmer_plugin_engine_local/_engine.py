"""The engine: which runs are driven, and when.

Everything a run is made of is in the store. In memory are the runs that have something to do, a bounded number of
idle ones to save the reading, the timers, and the activities in flight.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stigmer_core.errors import FailedPreconditionError, NotFoundError
from stigmer_core.program import CancelRequested, RecoverRequested, Signal
from stigmer_core.program_json import bounded, decode, encode
from stigmer_plugin_engine_local import _store
from stigmer_plugin_engine_local._activities import Activities
from stigmer_plugin_engine_local._claims import Claims
from stigmer_plugin_engine_local._driver import PUBLISH_SECONDS, Driver
from stigmer_plugin_engine_local._firing import Firing
from stigmer_plugin_engine_local._journal import Journal
from stigmer_plugin_engine_local._recorder import MailFirstError
from stigmer_plugin_engine_local._timers import Timers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stigmer_core.program import Event, Json, Publisher, Run, Runner
    from stigmer_core.store import Store, Transaction
    from stigmer_core.vault import Vault
    from stigmer_plugin_engine_local._live import LiveRun

logger = logging.getLogger(__name__)

ACTIVE_RUNS = 500  # runs that are driven or have an activity in flight; more wait in the store
IDLE_RUNS = 1_000  # runs that wait for a timer or a signal and stay in memory all the same
AGAIN_SECONDS = 1.0  # before a run is driven again whose step failed for a reason outside of it
NAME = "local"
_ANY = -1  # in the place of a run's last event


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LocalEngine:
    """Drives programs with a journal in the store: one process, no server."""

    name = NAME

    def __init__(
        self,
        store: Store,
        runners: Mapping[str, Runner],
        publisher: Publisher,
        vault: Vault,
        *,
        clock: Callable[[], datetime] = _utc_now,
        active_runs: int = ACTIVE_RUNS,
    ) -> None:
        self._store = store
        self._runners = runners
        self._publisher = publisher
        self._claims = Claims(vault)
        self._clock = clock
        self._limit = active_runs
        self._loop: asyncio.AbstractEventLoop | None = None
        self._driving: dict[str, asyncio.Task[None]] = {}
        self._answers: dict[str, deque[Event]] = {}
        self._mail: set[str] = set()
        self._idle: OrderedDict[str, LiveRun] = OrderedDict()
        self._more_waiting = False
        self._starting: asyncio.Handle | None = None
        self._unpublished: dict[str, int] = {}  # of runs that rest, each with its last event when that was looked at
        self._publishing: asyncio.TimerHandle | None = None

    # What a caller's transaction records

    def ready(self) -> bool:
        """Return whether the engine is open."""
        return self._loop is not None

    def start(self, tx: Transaction, run: Run) -> None:
        """Record a new run; a run id that exists is left as it is.

        Raises:
            NotFoundError: there is no such runner.
            ResourceExhaustedError: its input is too large.
        """
        if run.runner not in self._runners:
            raise NotFoundError("runner", run.runner)
        written = bounded(run.input, "the run's input")
        if _store.add_run(tx, self._claims, run.run_id, run.runner, run.input, written=written):
            stored = _store.Stored(run.runner, run.input, tx.now)
            tx.on_commit(lambda: self._call(lambda: self._start(run.run_id, stored)))

    def signal(self, tx: Transaction, run_id: str, name: str, payload: Json, *, signal_id: str = "") -> None:
        """Record a signal; the same `signal_id` twice is one signal.

        Raises:
            NotFoundError: there is no such run.
            FailedPreconditionError: it has ended.
        """
        outcome = _store.outcome_of(tx, run_id)
        if outcome is None:
            raise NotFoundError("run", run_id)
        if outcome:
            raise FailedPreconditionError(f"run {run_id} has ended: {outcome}")
        if signal_id and not _store.remember_signal(tx, run_id, signal_id):
            return
        self._post(tx, run_id, Signal(signal_id or f"signal-{_store.next_number(tx)}", name, payload, tx.now))

    def cancel(self, tx: Transaction, run_id: str, reason: str) -> None:
        """Record a wish to cancel; a run that has ended, or that nobody started, is left as it is."""
        if _store.outcome_of(tx, run_id) == "":
            self._post(tx, run_id, CancelRequested("cancel", reason, tx.now))

    def recover(self, tx: Transaction, run_id: str) -> None:
        """Record a wish that a failed run goes on from where it failed, or a parked one from its last event.

        Raises:
            NotFoundError: there is no such run, or it is not kept any more.
            FailedPreconditionError: it has not failed.
        """
        outcome = _store.outcome_of(tx, run_id)
        if outcome is None:
            raise NotFoundError("run", run_id)
        if not _store.revive(tx, self._claims, run_id):
            raise FailedPreconditionError(f"run {run_id} has not failed: {outcome or 'it is running'}")
        if outcome == "failed":
            self._post(tx, run_id, RecoverRequested("recover", tx.now))
        else:
            tx.on_commit(lambda: self._call(lambda: self.notice(run_id)))

    def _post(self, tx: Transaction, run_id: str, event: Event) -> None:
        _store.post(tx, self._claims, run_id, encode(event))
        tx.on_commit(lambda: self._call(lambda: self.notice(run_id)))

    def _call(self, function: Callable[[], None]) -> None:
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(function)

    # Opening and closing

    async def open(self) -> None:
        """Resume what was running: arm every timer, drive what has something outstanding, start what waits."""
        self._loop = asyncio.get_running_loop()
        self._activities = Activities(self._runners, self._answered, self._clock)
        self._firing = Firing(
            self._store,
            self._claims,
            self._clock,
            deliver=self._answered,
            notice=self.notice,
            driven=lambda: len(self._driving),
        )
        self._timers = Timers(self._firing.fire, self._clock)
        self._journal = Journal(self._store, self._claims)
        self._driver = Driver(
            store=self._store,
            claims=self._claims,
            journal=self._journal,
            runners=self._runners,
            publisher=self._publisher,
            activities=self._activities,
            timers=self._timers,
            board=self,
        )
        timers = await self._store.read_slowly(_store.timers)
        for run_id in await self._store.read_slowly(_store.busy_runs):
            self.notice(run_id)  # before the timers: what was recorded before the stop comes before what is due now
        for run_id, command_id, due in timers:
            self._timers.arm(run_id, command_id, due)
        self._start_more()

    async def close(self) -> None:
        """Stop driving; what is recorded is resumed by the next `open`."""
        if self._loop is None:
            return
        self._loop = None
        self._timers.stop()
        await self._firing.close()
        for handle in (self._publishing, self._starting):
            if handle is not None:
                handle.cancel()
        self._publishing = self._starting = None
        drivers = list(self._driving.values())
        for driver in drivers:
            driver.cancel()
        await asyncio.gather(*drivers, return_exceptions=True)
        await self._journal.close()
        await self._activities.close()
        self._driving.clear()
        self._answers.clear()
        self._idle.clear()
        self._mail.clear()
        self._unpublished.clear()

    # What is shown of runs that go on

    def _publish_soon(self) -> None:
        if self._publishing is None and self._loop is not None:
            self._publishing = self._loop.call_later(PUBLISH_SECONDS / 2, self._publish)

    def _publish(self) -> None:
        """Show what runs have published that have made no step since the last time: their next one would show it."""
        self._publishing = None
        before, self._unpublished = self._unpublished, {}
        for run_id in before.keys() - self._driving.keys():
            live = self._idle.get(run_id)
            if live is None:  # it had to leave the memory: what it has published is found in its journal
                self._unpublished[run_id] = _ANY
                self._drive(run_id)
            elif live.unpublished:
                self._unpublished[run_id] = live.sequence
                if live.sequence == before[run_id]:
                    self._drive(run_id)
        if self._unpublished:
            self._publish_soon()

    # Which runs are driven

    def notice(self, run_id: str) -> None:
        """Drive a run that has something in its inbox, or whose activities may have to be called again."""
        self._mail.add(run_id)
        self._drive(run_id)

    def _answered(self, run_id: str, event: Event) -> None:
        self._answers.setdefault(run_id, deque()).append(event)
        self._drive(run_id)

    def _drive(self, run_id: str, stored: _store.Stored | None = None) -> None:
        if self._loop is not None and run_id not in self._driving:
            self._driving[run_id] = asyncio.create_task(self._run(run_id, stored))

    def _start(self, run_id: str, stored: _store.Stored) -> None:
        """Start a run that was just recorded, unless others wait already."""
        if self._more_waiting or self._room() <= 0:
            self._more_waiting = True
        else:
            self._drive(run_id, stored)

    def _start_more(self) -> None:
        """Start runs that wait in the store, as far as there is room."""
        self._starting, room = None, self._room()
        if room <= 0:
            self._more_waiting = True
            return
        waiting = self._store.read(lambda reader: _store.waiting_runs(reader, room + len(self._driving)))
        fresh = [run_id for run_id in waiting if run_id not in self._driving][:room]
        self._more_waiting = len(fresh) == room
        for run_id in fresh:
            self._drive(run_id)

    def _room(self) -> int:
        return self._limit - len(self._driving.keys() | self._activities.runs())

    async def _run(self, run_id: str, stored: _store.Stored | None) -> None:
        """Drive one run until it has nothing to do; `stored` is what is known of one that was just recorded."""
        try:
            live = self._idle.pop(run_id, None) or await self._driver.load(run_id, stored)
            if live is None:  # it has ended: a late answer changes nothing
                self._unpublished.pop(run_id, None)
                self._answers.pop(run_id, None)
                self._mail.discard(run_id)
                return
            while not live.ended:
                number, event = self._next(run_id)
                if event is None:
                    break
                try:
                    live = await self._driver.step(live, event, mail=number)
                except MailFirstError:
                    self._answers.setdefault(run_id, deque()).appendleft(event)
                    self._mail.add(run_id)
            if live.unpublished and self._unpublished.get(run_id) in (live.sequence, _ANY):
                live = await self._driver.publish(live)
            if live.ended:
                self._answers.pop(run_id, None)
                self._mail.discard(run_id)
            else:
                self._keep(live)
        except asyncio.CancelledError:
            raise
        except Exception:  # the last edge: what is recorded of this run is good, so it is read again
            logger.exception("run interrupted run=%s", run_id)
            self._interrupted(run_id)
        finally:
            del self._driving[run_id]
            if self._loop is not None:
                self._after(run_id)

    def _interrupted(self, run_id: str) -> None:
        self._answers.pop(run_id, None)
        self._mail.discard(run_id)
        self._activities.cancel_all(run_id)
        if self._loop is not None:
            self._loop.call_later(AGAIN_SECONDS, self.notice, run_id)

    def _after(self, run_id: str) -> None:
        if self._answers.get(run_id) or run_id in self._mail:
            self._drive(run_id)
        makes_room = run_id not in self._driving and run_id not in self._activities.runs()
        if self._more_waiting and makes_room and self._starting is None:
            self._starting = asyncio.get_running_loop().call_soon(self._start_more)  # for all that make room now
        self._firing.go_on()

    def _next(self, run_id: str) -> tuple[int | None, Event | None]:
        if run_id in self._mail:
            mail = self._store.read(lambda reader: _store.first_mail(reader, self._claims, run_id))
            if mail is not None:
                return mail[0], decode(mail[1])
            self._mail.discard(run_id)
        answers = self._answers.get(run_id)
        if answers:
            event = answers.popleft()
            if not answers:
                del self._answers[run_id]
            return None, event
        return None, None

    def _keep(self, live: LiveRun) -> None:
        self._idle[live.run_id] = live
        if live.unpublished:
            self._unpublished.setdefault(live.run_id, 0)
            self._publish_soon()
        else:
            self._unpublished.pop(live.run_id, None)
        if len(self._idle) > IDLE_RUNS:
            self._idle.popitem(last=False)
