"""What a step writes: one transaction with all that follows from an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.program import (
    ActivityDone,
    ActivityFailed,
    CallActivity,
    Cancel,
    CancelRequested,
    ChildDone,
    Complete,
    Fail,
    Publish,
    StartChild,
    StartTimer,
    TimerFired,
)
from stigmer_core.program_json import encode, failure_json
from stigmer_plugin_engine_local import _store

if TYPE_CHECKING:
    from stigmer_core.program import Event, Failure, Json, Publisher, Step
    from stigmer_core.store import Transaction
    from stigmer_plugin_engine_local._claims import Claims
    from stigmer_plugin_engine_local._live import LiveRun


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a step came to: the run after it, and the commands to act on."""

    before: LiveRun
    live: LiveRun
    step: Step
    event: Event | None
    entry: Json  # the event as it is in the journal
    text: str  # the same, written
    mail: int | None
    publishes: bool  # what the run has published is shown along with it

    @property
    def is_plain(self) -> bool:
        """Return whether it changes nothing in the store but the run's journal, and that the run has begun."""
        begins = self.event is None
        goes_on = isinstance(self.event, ActivityDone | ActivityFailed) and self.before.busy == self.live.busy
        return (
            (begins or goes_on)
            and not (self.publishes or self.live.ended or self.live.wants_snapshot)
            and self.mail is None
            and all(isinstance(command, CallActivity | Publish) for command in self.step.commands)
        )

    def journal_entry(self, tx: Transaction, claims: Claims) -> _store.Entry:
        """Return what is appended to the run's journal; what is large in it is kept apart."""
        live, entry = self.live, self.text
        if self.event is not None:
            entry = claims.kept(tx, live.run_id, _store.JOURNAL, self.entry, entry)
        return live.run_id, live.sequence, entry, int(self.publishes or not live.unpublished)


class MailFirstError(Exception):
    """Others recorded something for the run before this step: it comes first, and the step is made again after it.

    So a pause or a cancellation that was answered is never overtaken by what happens in the run.
    """


class Recorder:
    """Writes steps and ends of runs, in the transactions that it is given."""

    def __init__(self, claims: Claims, publisher: Publisher) -> None:
        self._claims = claims
        self._publisher = publisher

    def record(self, tx: Transaction, recorded: Recorded) -> None:
        """Write a step.

        Raises:
            MailFirstError: something else comes first.
        """
        live = recorded.live
        if recorded.event is not None and recorded.mail is None and _store.has_mail(tx, live.run_id):
            raise MailFirstError
        self._record_event(tx, recorded)
        if recorded.publishes and live.unpublished:
            self.publish(tx, live)
        for command in recorded.step.commands:
            self._record_command(tx, recorded.before, command)
        if live.ended:
            if isinstance(recorded.step.commands[-1], Fail):  # what it failed with, should it be recovered
                self._save_snapshot(tx, live, [])
            return
        if live.sequence == 1:
            _store.begin(tx, (live.run_id, live.busy))
        elif recorded.before.busy != live.busy:
            _store.set_busy(tx, live.run_id, busy=live.busy)
        if live.wants_snapshot:
            self._save_snapshot(tx, live, [encode(request) for request in live.outstanding.values()])
            live.tail_events = live.tail_bytes = 0

    def publish(self, tx: Transaction, live: LiveRun, *more: Json) -> None:
        """Show what a run has published since it was shown last."""
        self._publisher(tx, live.run_id, *live.unpublished, *more)

    def _record_event(self, tx: Transaction, recorded: Recorded) -> None:
        run_id = recorded.live.run_id
        _store.append(tx, recorded.journal_entry(tx, self._claims))
        if recorded.mail is not None:
            _store.take_mail(tx, self._claims, run_id, recorded.mail)
        if isinstance(recorded.event, TimerFired):
            _store.remove_timer(tx, run_id, recorded.event.id)

    def _save_snapshot(self, tx: Transaction, live: LiveRun, outstanding: list[Json]) -> None:
        snapshot = {"state": live.state, "outstanding": outstanding}
        _store.save_snapshot(tx, self._claims, live.run_id, live.sequence, snapshot)

    def _record_command(self, tx: Transaction, before: LiveRun, command: object) -> None:
        run_id = before.run_id
        match command:
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
                self.record_end(tx, before, "completed", output=command.output)
            case Fail():
                outcome = "cancelled" if command.cancelled else "failed"
                self.record_end(tx, before, outcome, failure=command.failure)

    def record_end(
        self, tx: Transaction, live: LiveRun, outcome: str, *, output: Json = None, failure: Failure | None = None
    ) -> None:
        """Write how a run ended, and tell its parent."""
        result = output if failure is None else failure_json(failure)
        reason = failure.detail if failure is not None and outcome == "parked" else ""
        _store.end(tx, self._claims, live.run_id, outcome, result, reason=reason)
        parent_id, command_id = live.parent
        if parent_id and _store.outcome_of(tx, parent_id) == "":
            _store.post(tx, self._claims, parent_id, encode(ChildDone(command_id, output, failure, tx.now)))
