"""The one workflow that hosts every program: its state is the program's, its events are what Temporal delivers.

It runs without the SDK's sandbox, which makes a replay six times as long: programs are pure, by an import contract.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence  # noqa: TC003 - the SDK reads the hints of a workflow's methods
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from temporalio import workflow
from temporalio.common import RawValue  # noqa: TC002 - likewise

from stigmer_core.errors import ResourceExhaustedError
from stigmer_core.program import CancelRequested, Complete, Fail, Failure, Publish, Signal, StartTimer, Step, defect
from stigmer_core.program_json import bounded, decode, encode
from stigmer_plugin_engine_temporal._effects import Effects
from stigmer_plugin_engine_temporal._failures import final
from stigmer_plugin_engine_temporal._names import RUNNERS
from stigmer_plugin_engine_temporal._recorder import Recorder
from stigmer_plugin_engine_temporal._wire import Written, standard_failure

if TYPE_CHECKING:
    from stigmer_core.program import Event, Json, Program

RENEW_EVENTS = 4_096  # of history, then the run goes on in a new execution, as soon as no activity is in flight
RENEW_BYTES = 2 * 1024 * 1024
DRAIN_TIMES = 4  # so many times as much, and new activities wait until those in flight are done
LARGE = 256 * 1024  # characters of an event, after which the state is measured
_CONSTANT = ("run_id", "runner", "child", "silent", "short", "limits", "sleeps")
KEPT_IDS = 1_000  # of signals that were sent to the workflow directly


class ParkedError(Exception):
    """The run cannot go on; the message says why. `publish` is whether that can be shown."""

    def __init__(self, reason: str, *, publish: bool = True, failure: Failure | None = None) -> None:
        super().__init__(reason)
        self.publish = publish
        self.failure = failure or Failure("about:blank", "Parked", 500, reason)


class AsleepError(Exception):
    """Nothing of the run is open any more until it is woken."""


class Mail:
    """A signal on its way to the program."""

    def __init__(self, content: dict[str, Json]) -> None:
        self.content = content
        self.taken = False


@workflow.defn(dynamic=True)
class RunWorkflow:
    """A run. Its input is what `carried` returns, or of a new one `{"run_id", "runner", "input", "short", "child"}`.

    One that is `silent` reports nothing, nor do its children: whoever started it asks Temporal for what became of it.
    """

    def __init__(self) -> None:
        self._queue: deque[Event | Mail] = deque()  # what happened and the program does not know yet, in order
        self._cancelled = False
        self._reason = ""  # of the cancellation that follows: the one that Temporal carries is not encrypted
        self._has_begun = False  # whether the program has made its first step, here or in an execution before
        self._state: Json = None
        self._output = Written("null")
        self._effects: Effects | None = None

    @workflow.run
    async def run(self, arguments: Sequence[RawValue]) -> Any:
        """Drive the run to its end, or to the next execution of it."""
        begun: dict[str, Json] = workflow.payload_converter().from_payload(arguments[0].payload)
        self._begun = begun
        self._run_id = begun["run_id"]
        self._number = begun.get("number", 0)
        self._seen = deque(begun.get("seen", ()), KEPT_IDS)
        runners = workflow.extern_functions()[RUNNERS]()
        program: Program = runners[begun["runner"]].program
        self._recorder = Recorder(self._run_id, begun.get("sequence", 0), silent=begun.get("silent", False))
        if begun.get("wake"):
            return await self._wake()
        self._effects = Effects(begun, runners, self._recorder, self._queue.append)
        limits = begun.get("limits") or {}
        self._renew_events, self._renew_bytes = limits.get("events", RENEW_EVENTS), limits.get("bytes", RENEW_BYTES)
        self._event: Event | None = None
        try:
            last = await self._drive(program)
        except AsleepError:
            return None
        except ParkedError as parked:
            last = await self._park(parked)
        return self._end(last)

    @workflow.signal(name="signal")
    def on_signal(self, content: Any) -> None:
        """Take a signal: `{"name", "payload", "id", "number"}`."""
        self._queue.append(Mail(content))

    @workflow.signal(name="reason")
    def on_reason(self, content: Any) -> None:
        """Take the reason of a cancellation that follows: `{"reason"}`."""
        self._reason = content["reason"]

    @workflow.update(name="deliver")
    async def deliver(self, content: Any) -> None:
        """Take a signal, and answer when the program has had it."""
        mail = Mail(content)
        self._queue.append(mail)
        await workflow.wait_condition(lambda: mail.taken)

    @workflow.query(name="state")
    def state(self) -> Any:
        """Return the program's state, such as the frames of its tasks, and what it waits for."""
        outstanding = self._effects.outstanding.values() if self._effects is not None else ()
        return {"state": self._state, "outstanding": [encode(request) for request in outstanding]}

    # Driving

    async def _drive(self, program: Program) -> Complete | Fail:
        """Return the command that ends the run, once everything before it is recorded."""
        step = self._first_step(program)
        while True:
            last = self._act(step)
            if last is not None:
                await self._until_recorded()
                return last
            self._event = await self._next()
            step = self._step(program, self._event)

    def _first_step(self, program: Program) -> Step:
        begun, now = self._begun, workflow.now()
        if "state" not in begun:
            try:
                return program.start(begun["input"], now)
            except Exception as error:
                raise self._broken("the start") from error
        self._queue.extendleft(reversed([decode(event, now=now) for event in begun["queue"]]))
        for request in begun["outstanding"]:
            assert self._effects is not None
            self._effects.start(decode(request))
        return Step(begun["state"], ())

    def _step(self, program: Program, event: Event) -> Step:
        try:
            step = program.advance(self._state, event)
            if len(str(encode(event))) > LARGE:
                _written(step.state, "the state of the run")
        except ParkedError:
            raise
        except Exception as error:  # the program's bug: this run is parked, all others go on
            raise self._broken("a step") from error
        return step

    def _broken(self, where: str) -> ParkedError:
        """Describe the error that is being handled in the log, and return what ends the run."""
        workflow.logger.exception("program failed run=%s", self._run_id)
        return ParkedError(defect(f"the runner {self._begun['runner']!r} failed at {where}"))

    def _act(self, step: Step) -> Complete | Fail | None:
        assert self._effects is not None
        self._has_begun, self._state, self._event = True, step.state, None
        for command in step.commands:
            if isinstance(command, Publish):
                if not self._begun.get("child"):  # a child has no resource of its own
                    self._recorder.add("publish", command.status)
            elif isinstance(command, (Complete, Fail)):
                if isinstance(command, Complete):
                    self._output = _written(command.output, "the output of the run")
                if not self._begun.get("child"):
                    self._record_end(command)
                return command
            else:
                self._effects.apply(command)
        return None

    def _record_end(self, last: Complete | Fail) -> None:
        outcome = "completed" if isinstance(last, Complete) else "cancelled" if last.cancelled else "failed"
        kept = self._carried([{"type": "RecoverRequested", "id": "recover"}], []) if outcome == "failed" else None
        self._recorder.add("ended", self._run_id, outcome, "", kept)

    async def _next(self) -> Event:
        """Return what happens next; it may be in the next execution of the run."""
        while True:
            await self._until(self._has_something_to_do)
            if self._recorder.refusal:
                gone = self._recorder.refusal == "gone"
                reason = "the resource that shows the run is gone" if gone else self._recorder.refusal
                raise ParkedError(reason, publish=not gone)
            if not self._queue and self._may_sleep():
                await self._sleep()
            if not self._queue:
                await self._renew()
            self._may_renew()
            event = self._queue.popleft()
            if not isinstance(event, Mail):
                return event
            event.taken = True
            if self._is_new(event.content):
                return _signal(event.content)

    def _is_new(self, content: dict[str, Json]) -> bool:
        """Return whether a signal is delivered for the first time; what the engine sends is numbered."""
        number, signal_id = content.get("number", 0), content.get("id", "")
        if number:
            fresh: bool = number > self._number
            self._number = max(number, self._number)
            return fresh
        if signal_id in self._seen:
            return False
        if signal_id:
            self._seen.append(signal_id)
        return True

    async def _until(self, condition: Any) -> None:
        """Wait for something; a wish to cancel becomes an event on the way."""
        while not condition():
            try:
                await workflow.wait_condition(condition)
            except asyncio.CancelledError:
                if workflow.cancellation_reason() is None or self._cancelled:
                    raise  # the worker forgets the workflow
                self._cancelled = True
                reason = self._reason or workflow.cancellation_reason() or "cancelled"
                self._queue.append(CancelRequested("cancel", reason, workflow.now()))

    async def _until_recorded(self) -> None:
        await self._until(lambda: not self._recorder.busy)
        if self._recorder.refusal:
            gone = self._recorder.refusal == "gone"
            raise ParkedError(self._recorder.refusal, publish=not gone)

    # Going on in a new execution

    def _has_something_to_do(self) -> bool:
        return bool(self._queue) or bool(self._recorder.refusal) or self._may_renew() or self._may_sleep()

    def _may_sleep(self) -> bool:
        """Return whether the run waits for a time alone, for so long that a schedule of Temporal's is to wake it."""
        seconds, effects = self._begun.get("sleeps"), self._effects
        if not seconds or effects is None or self._recorder.busy or len(effects.outstanding) != 1:
            return False
        (request,) = effects.outstanding.values()
        return isinstance(request, StartTimer) and request.due - workflow.now() >= timedelta(seconds=seconds)

    async def _wake(self) -> None:
        """Say that it is time to wake the run; what a schedule starts has another id than the run's own workflow."""
        self._recorder.add("wake")
        await self._until(lambda: not self._recorder.busy)

    async def _sleep(self) -> None:
        """Record where the run goes on, and end the execution, unless something happens meanwhile."""
        assert self._effects is not None
        (request,) = self._effects.outstanding.values()
        assert isinstance(request, StartTimer)
        carried = self._carried([], [encode(request)])
        carried["sequence"] += 1  # the entry itself
        self._recorder.add("asleep", request.due.isoformat(), carried)
        await self._until_recorded()
        if not self._queue:
            raise AsleepError

    def _is_long(self, times: int = 1) -> bool:
        """Return whether the history is too long, or that many times as long."""
        info = workflow.info()
        length, size = info.get_current_history_length(), info.get_current_history_size()
        is_long: bool = length > times * self._renew_events or size > times * self._renew_bytes
        return is_long

    def _may_renew(self) -> bool:
        effects = self._effects
        assert effects is not None
        if not (self._is_long() or workflow.info().is_continue_as_new_suggested()):
            return False
        # A chain of activities is parted between two of them; of many at once those in flight are awaited in the end.
        effects.draining = not effects.busy or self._is_long(DRAIN_TIMES)
        return not (effects.busy or self._recorder.busy) and workflow.all_handlers_finished()

    async def _renew(self) -> NoReturn:
        assert self._effects is not None
        carried = self._carried([], [encode(request) for request in self._effects.outstanding.values()])
        workflow.continue_as_new(args=[_written(carried, "the state of the run")])

    def _carried(self, queue: list[Json], outstanding: list[Json]) -> dict[str, Json]:
        """Return what another execution of the run goes on from."""
        carried = {name: self._begun[name] for name in _CONSTANT if name in self._begun}
        if not self._has_begun:  # the program has not made its first step
            return {**carried, "input": self._begun["input"]}
        return {
            **carried,
            "state": self._state,
            "outstanding": outstanding,
            "queue": queue,
            "sequence": self._recorder.sequence,
            "number": self._number,
            "seen": list(self._seen),
        }

    # Ending

    async def _park(self, parked: ParkedError) -> Fail:
        """End a run that cannot go on, with its reason."""
        reason = str(parked)
        workflow.logger.error("run parked run=%s reason=%s", self._run_id, reason)
        await self._until(lambda: not self._recorder.busy)
        self._recorder.refusal = ""
        if not self._begun.get("child"):
            if parked.publish:
                status = {"phase": "EXECUTION_FAILED", "error": reason, "completedAt": workflow.now().isoformat()}
                self._recorder.add("publish", {"status": status, "events": []})
            assert self._effects is not None
            queue = [encode(self._event)] if self._event is not None else []
            kept = self._carried(queue, [encode(request) for request in self._effects.outstanding.values()])
            self._recorder.add("ended", self._run_id, "parked", reason, kept)
            await self._until(lambda: not self._recorder.busy)
        return Fail(parked.failure)

    def _end(self, last: Complete | Fail) -> Written:
        if isinstance(last, Complete):
            return self._output
        if last.cancelled and self._cancelled and not self._begun.get("child"):
            raise asyncio.CancelledError
        raise final(last.failure)


def _written(value: Json, what: str) -> Written:
    try:
        return Written(bounded(value, what))
    except ResourceExhaustedError as error:
        raise ParkedError(error.message, failure=standard_failure("runtime", 413, error.message)) from error


def _signal(content: dict[str, Json]) -> Event:
    name, payload, number = content["name"], content.get("payload"), content.get("number", 0)
    return Signal(content.get("id") or f"signal-{number}", name, payload, workflow.now())
