"""What a program asked for and has no answer to: activities, timers and children of a workflow."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.common import RetryPolicy

from stigmer_core.errors import ResourceExhaustedError
from stigmer_core.program import (
    ActivityDone,
    ActivityFailed,
    CallActivity,
    Cancel,
    ChildDone,
    StartChild,
    StartTimer,
    TimerFired,
)
from stigmer_plugin_engine_temporal._failures import failure_of
from stigmer_plugin_engine_temporal._names import home_queue, task_queue, workflow_id, workflow_type
from stigmer_plugin_engine_temporal._outgoing import Outgoing
from stigmer_plugin_engine_temporal._wire import standard_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stigmer_core.program import Command, Event, Failure, Json, Runner
    from stigmer_plugin_engine_temporal._recorder import Recorder

Request = CallActivity | StartTimer | StartChild
Answer = ActivityDone | ActivityFailed | TimerFired | ChildDone

IN_FLIGHT = 1_000  # activities and children; Temporal refuses a workflow more than 2,000
LONGEST_TIMER = timedelta(days=3650)  # a later one is set again; nanoseconds in 64 bits end after 292 years
NO_LIMIT = timedelta(days=3650)  # Temporal asks for one
HEARTBEAT_WITHIN = timedelta(seconds=15)
REAL_PAUSE = 8  # pauses between steps of half a second each at most; a workflow may compute for 20 s
GRACE = timedelta(seconds=10)  # the activity itself ends at its limit; this is for a worker that cannot
WORKERS_LOST = 20  # by one activity, until it is given up
# Retries are the program's: what an activity raises is final. Only the loss of its worker makes Temporal try again.
_WORKER_LOST = RetryPolicy(maximum_interval=timedelta(seconds=10), maximum_attempts=WORKERS_LOST)
# A short one does not outlive its worker; its answer may not have been kept, when that is large.
_ANSWER_LOST = RetryPolicy(maximum_interval=timedelta(seconds=10), maximum_attempts=WORKERS_LOST)
_SHORT = timedelta(seconds=30)  # for a try of an activity that its runner calls short


class Effects:
    """Starts and cancels them, and delivers their answers as events."""

    def __init__(
        self,
        begun: Mapping[str, Json],
        runners: Mapping[str, Runner],
        recorder: Recorder,
        deliver: Callable[[Event], None],
    ) -> None:
        self.outstanding: dict[str, Request] = {}
        self.draining = False  # whether activities and children are kept back until none is in flight
        self._run_id = begun["run_id"]
        self._short = frozenset(begun.get("short", ()))
        self._runner = begun["runner"]
        self._runners = runners
        self._recorder = recorder
        self._deliver = deliver
        self._handles: dict[str, asyncio.Task[Any] | asyncio.TimerHandle] = {}
        self._in_flight: set[str] = set()
        self._pauses = 0
        self._outgoing = Outgoing()
        self._resuming: asyncio.Task[None] | None = None
        self._held: deque[CallActivity | StartChild] = deque()

    @property
    def busy(self) -> bool:
        """Return whether an activity or child is in flight."""
        return bool(self._in_flight)

    def apply(self, command: Command) -> None:
        """Start or cancel something."""
        if isinstance(command, Request):
            self.start(command)
        elif isinstance(command, Cancel):
            self._cancel(command.id)

    def start(self, command: Request) -> None:
        """Start something, at once or in its turn."""
        self.outstanding[command.id] = command
        if isinstance(command, StartTimer):
            self._start_timer(command)
            return
        if isinstance(command, StartChild):
            self._recorder.add("child", f"{self._run_id}{command.id}", command.runner)
        self._held.append(command)
        self._start_held()

    def _start_held(self) -> None:
        while self._held and not self.draining and len(self._in_flight) < IN_FLIGHT:
            if self._outgoing.full:
                self._start_more_soon()
                break
            command = self._held.popleft()
            if self.outstanding.get(command.id) is not command:
                continue  # it was cancelled before its turn
            starting: Any = self._start_activity if isinstance(command, CallActivity) else self._start_child
            try:
                handle = starting(command)
            except ResourceExhaustedError as error:
                self._answer(command, None, standard_failure("runtime", 413, error.message))
                continue
            self._in_flight.add(command.id)
            self._handles[command.id] = handle
            handle.add_done_callback(partial(self._answered, command))

    def _start_more_soon(self) -> None:
        """Start what is held with the next workflow task: the answer to one in flight brings it, or a timer."""
        if self._resuming is None or self._resuming.done():
            self._resuming = asyncio.create_task(self._resume())

    async def _resume(self) -> None:
        await workflow.sleep(timedelta(milliseconds=1))
        self._start_held()

    def _cancel(self, command_id: str) -> None:
        request = self.outstanding.pop(command_id, None)
        handle = self._handles.pop(command_id, None)
        self._in_flight.discard(command_id)
        if handle is not None:
            handle.cancel()
        if isinstance(request, StartChild):
            self._recorder.add("ended", f"{self._run_id}{command_id}", "cancelled", "", None)
        self._start_held()

    # Activities

    def _start_activity(self, command: CallActivity) -> asyncio.Task[Any]:
        limit = command.timeout
        call = {"run": self._run_id, "key": command.id, "limit": limit.total_seconds() if limit else None}
        arguments = [self._outgoing.written(command.arguments, f"the arguments of {command.activity}"), call]
        is_home = command.activity in self._runners[self._runner].home
        if command.activity in self._short:
            call["inline"] = self._outgoing.result_characters()
            return workflow.start_local_activity(
                command.activity,
                args=arguments,
                start_to_close_timeout=limit + GRACE if limit else _SHORT,
                retry_policy=_ANSWER_LOST,
            )
        return workflow.start_activity(
            command.activity,
            args=arguments,
            task_queue=(home_queue if is_home else task_queue)(self._runner),
            start_to_close_timeout=limit + GRACE if limit else NO_LIMIT,
            heartbeat_timeout=HEARTBEAT_WITHIN,
            retry_policy=_WORKER_LOST,
            summary=command.id,
        )

    # Timers

    def _start_timer(self, command: StartTimer) -> None:
        delay = command.due - workflow.now()
        if delay <= timedelta():
            self._handles[command.id] = asyncio.create_task(self._fire_soon(command))
        else:
            seconds = min(delay, LONGEST_TIMER).total_seconds()
            self._handles[command.id] = asyncio.get_running_loop().call_later(seconds, self._fire, command)

    async def _fire_soon(self, command: StartTimer) -> None:
        """Fire a timer of no length without one of Temporal's, once what the step published is recorded.

        The recording lets Temporal keep a long computation's workflow task alive, and others have their turn. A run
        that records nothing has a real timer for that, now and then.
        """
        self._pauses += 1
        if not self._recorder.busy and self._pauses % REAL_PAUSE == 0:
            await workflow.sleep(timedelta(milliseconds=1))
        await workflow.wait_condition(lambda: not self._recorder.busy)
        self._fire(command)

    def _fire(self, command: StartTimer) -> None:
        if self.outstanding.get(command.id) is not command:
            return
        if command.due > workflow.now():
            self._start_timer(command)
            return
        self._done(TimerFired(command.id, workflow.now()))

    # Children

    def _start_child(self, command: StartChild) -> asyncio.Task[Any]:
        child_id = f"{self._run_id}{command.id}"
        short = sorted(self._runners[command.runner].short) if command.runner in self._runners else []
        carried = {"run_id": child_id, "runner": command.runner, "child": True, "short": short, "input": command.input}
        if self._recorder.silent:
            carried["silent"] = True
        written = self._outgoing.written(carried, "the input of the child run")

        async def run() -> Json:
            handle = await workflow.start_child_workflow(
                workflow_type(command.runner),
                written,
                id=workflow_id(command.runner, child_id),
                task_queue=task_queue(command.runner),
                task_timeout=workflow.info().task_timeout,
                cancellation_type=workflow.ChildWorkflowCancellationType.TRY_CANCEL,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                search_attributes=workflow.info().typed_search_attributes,
            )
            return await handle

        return asyncio.create_task(run())

    # Answers

    def _answered(self, command: CallActivity | StartChild, handle: asyncio.Task[Any]) -> None:
        if self.outstanding.get(command.id) is not command:
            return  # it was cancelled: nobody waits for the answer
        self._in_flight.discard(command.id)
        error = asyncio.CancelledError() if handle.cancelled() else handle.exception()
        if error is not None:
            self._answer(command, None, failure_of(error))
        else:
            self._answer(command, handle.result(), None)
        self._start_held()

    def _answer(self, command: CallActivity | StartChild, result: Json, failure: Failure | None) -> None:
        now = workflow.now()
        if isinstance(command, StartChild):
            outcome = "ended" if failure is None else "failed"
            self._recorder.add("ended", f"{self._run_id}{command.id}", outcome, "", None)
            self._done(ChildDone(command.id, result, failure, now))
        elif failure is not None:
            self._done(ActivityFailed(command.id, failure, now))
        else:
            self._done(ActivityDone(command.id, result, now))

    def _done(self, event: Event) -> None:
        del self.outstanding[event.id]
        self._handles.pop(event.id, None)
        self._deliver(event)
