"""Activities in flight: tasks of the event loop, bounded per runner."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from stigmer_core.errors import ResourceExhaustedError
from stigmer_core.program import ActivityContext, ActivityDone, ActivityError, ActivityFailed, Failure, defect
from stigmer_core.program_json import bounded

if TYPE_CHECKING:
    from collections.abc import Callable, KeysView, Mapping
    from datetime import datetime

    from stigmer_core.program import CallActivity, Event, Runner

logger = logging.getLogger(__name__)

ERRORS = "https://serverlessworkflow.io/spec/1.0.0/errors/"


class Activities:
    """Calls activities and hands their answers over; at most one call of a command is in flight."""

    def __init__(
        self,
        runners: Mapping[str, Runner],
        deliver: Callable[[str, Event], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._runners = runners
        self._deliver = deliver
        self._clock = clock
        self._slots = {name: asyncio.Semaphore(runner.concurrency) for name, runner in runners.items()}
        self._calls: dict[str, dict[str, asyncio.Task[None]]] = {}  # by run, by command

    def runs(self) -> KeysView[str]:
        """Return the runs that have a call in flight."""
        return self._calls.keys()

    def start(self, run_id: str, runner: str, command: CallActivity, *, attempt: int) -> None:
        """Call an activity, unless that call is in flight or its answer is not recorded yet."""
        calls = self._calls.setdefault(run_id, {})
        if command.id not in calls:
            calls[command.id] = asyncio.create_task(self._call(run_id, self._runners[runner], command, attempt))

    def cancel(self, run_id: str, command_id: str) -> None:
        """Stop a call."""
        call = self._calls.get(run_id, {}).get(command_id)
        if call is not None:
            call.cancel()
        self.forget(run_id, command_id)

    def cancel_all(self, run_id: str) -> None:
        """Stop every call of a run."""
        for call in self._calls.pop(run_id, {}).values():
            call.cancel()

    def forget(self, run_id: str, command_id: str) -> None:
        """Let go of a call whose answer is recorded."""
        calls = self._calls.get(run_id)
        if calls is not None:
            calls.pop(command_id, None)
            if not calls:
                del self._calls[run_id]

    async def close(self) -> None:
        """Stop every call and wait until they have stopped."""
        calls = [call for run in self._calls.values() for call in run.values()]
        self._calls.clear()
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    async def _call(self, run_id: str, runner: Runner, command: CallActivity, attempt: int) -> None:
        try:
            async with self._slots[runner.name]:
                event = await self._answer(run_id, runner, command, attempt)
        except asyncio.CancelledError:
            raise
        except Exception:  # an activity of somebody else's: its bug must not become ours
            logger.exception("activity failed run=%s command=%s activity=%s", run_id, command.id, command.activity)
            event = self._failed(command, "runtime", 500, defect(f"{command.activity} failed"))
        self._deliver(run_id, event)

    async def _answer(self, run_id: str, runner: Runner, command: CallActivity, attempt: int) -> Event:
        activity = runner.activities.get(command.activity)
        if activity is None:
            return self._failed(command, "configuration", 400, f"there is no activity {command.activity!r}")
        context = ActivityContext(run_id, command.id, attempt)
        deadline = asyncio.timeout(command.timeout.total_seconds()) if command.timeout else None
        try:
            if deadline is None:
                result = await activity(command.arguments, context)
            else:
                async with deadline:
                    result = await activity(command.arguments, context)
            kept = json.loads(bounded(result, f"the result of {command.activity}"))
            return ActivityDone(command.id, kept, self._clock())
        except ResourceExhaustedError as error:
            return self._failed(command, "runtime", 413, error.message)
        except ActivityError as error:
            return ActivityFailed(command.id, error.failure, self._clock())
        except TimeoutError:
            if deadline is None or not deadline.expired():
                raise
            return self._failed(command, "timeout", 408, f"{command.activity} took longer than {command.timeout}")

    def _failed(self, command: CallActivity, kind: str, status: int, detail: str) -> ActivityFailed:
        failure = Failure(f"{ERRORS}{kind}", f"{kind.title()} Error", status, detail, retryable=kind == "timeout")
        return ActivityFailed(command.id, failure, self._clock())
