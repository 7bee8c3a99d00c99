"""Workers: what polls the task queues of runners and does the work.

A worker needs the runners and a sink for what their workflows report, and nothing of the store: one in the server has
the store's own sink, one on another machine may have a sink that calls the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio.worker import Interceptor, UnsandboxedWorkflowRunner, Worker, WorkflowInterceptorClassInput

from stigmer_plugin_engine_temporal._activity import activities_of
from stigmer_plugin_engine_temporal._names import RUNNERS, home_queue, task_queue
from stigmer_plugin_engine_temporal._recording import sink_activity
from stigmer_plugin_engine_temporal._workflow import RunWorkflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from temporalio.client import Client

    from stigmer_core.program import Runner
    from stigmer_plugin_engine_temporal._recording import Sink

logger = logging.getLogger(__name__)

# The SDK fails the task of a workflow that computes for two seconds, to find loops without an end. A program bounds
# its steps itself, to half a second of pure Python, which on a busy machine may well be more than two.
STEP_SECONDS = 20
THROTTLE = timedelta(seconds=1)  # between two heartbeats that are sent; a cancellation comes with the answer
STICKY = timedelta(seconds=5)  # after which another worker may have the tasks of one that was killed
STOP_SECONDS = 8.0  # beside what activities are given


class RunnersInterceptor(Interceptor):
    """Lets workflows see the runners of their worker."""

    def __init__(self, runners: Mapping[str, Runner]) -> None:
        self._runners = runners

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> None:  # noqa: A002 - the SDK's word
        """Offer the runners as a function; nothing is intercepted."""
        input.unsafe_extern_functions[RUNNERS] = lambda: self._runners


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a process does of the work of its runners.

    Args:
        work: workflows, and the activities that any worker can do.
        home: the activities that only the server of the installation can do.
        concurrency: the activities of a runner in flight at once; 0 for as many as the runner says.
        cached: the runs of a runner that are kept in memory between two events; others are read again from Temporal.
        grace: for activities under way when it stops; then they are cancelled, and run again elsewhere.
    """

    work: bool = True
    home: bool = True
    concurrency: int = 0
    cached: int = 1_000
    grace: timedelta = timedelta(milliseconds=500)


def is_of_home(runner: Runner) -> bool:
    """Return whether the server of the installation does all the work of a runner, and leaves none to workers."""
    return bool(runner.home) and runner.home.issuperset(runner.activities)


def make_home_worker(client: Client, runner: Runner, share: Share) -> Worker:
    """Return a worker for the activities of a runner that only the server of the installation can do."""
    return Worker(
        client,
        task_queue=home_queue(runner.name),
        activities=activities_of(runner, home=True),
        max_concurrent_activities=share.concurrency or runner.concurrency,
        max_heartbeat_throttle_interval=THROTTLE,
        graceful_shutdown_timeout=share.grace,
    )


def make_worker(client: Client, runner: Runner, runners: Mapping[str, Runner], sink: Sink, share: Share) -> Worker:
    """Return a worker for one runner's workflows, and the activities that any worker can do."""
    worker = Worker(
        client,
        task_queue=task_queue(runner.name),
        workflows=[RunWorkflow],
        activities=[*activities_of(runner, home=False), sink_activity(sink)],
        interceptors=[RunnersInterceptor(runners)],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=share.cached,
        max_concurrent_activities=share.concurrency or runner.concurrency,
        max_heartbeat_throttle_interval=THROTTLE,
        sticky_queue_schedule_to_start_timeout=STICKY,
        graceful_shutdown_timeout=share.grace,
    )
    workflows: Any = worker._workflow_worker  # noqa: SLF001 - the SDK has no setting for it
    workflows._deadlock_timeout_seconds = STEP_SECONDS  # noqa: SLF001 - likewise
    return worker


class Workers:
    """One worker per task queue of each runner, started and stopped together."""

    def __init__(self, client: Client, runners: Mapping[str, Runner], sink: Sink, share: Share) -> None:
        self._grace = share.grace
        self._workers = []
        for runner in runners.values():
            if share.work or (share.home and is_of_home(runner)):
                self._workers.append(make_worker(client, runner, runners, sink, share))
            if share.home and runner.home:
                self._workers.append(make_home_worker(client, runner, share))
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to poll."""
        self._tasks = [asyncio.create_task(worker.run()) for worker in self._workers]

    @property
    def failed(self) -> bool:
        """Return whether one has given up."""
        return any(task.done() for task in self._tasks)

    async def stop(self) -> None:
        """Stop polling; what is under way is done again by whoever polls next."""
        pairs = zip(self._workers, self._tasks, strict=True)
        stopping = [worker.shutdown() for worker, task in pairs if not task.done()]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_all(stopping), self._grace.total_seconds() + STOP_SECONDS)
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        ended, stuck = await asyncio.wait(tasks, timeout=STOP_SECONDS)
        for error in [task.exception() for task in ended if not task.cancelled()]:
            if error is not None:
                logger.error("worker failed reason=%s", error)
        if stuck:
            logger.error("workers do not end count=%d", len(stuck))


async def _all(stopping: Iterable[Any]) -> None:
    await asyncio.gather(*stopping, return_exceptions=True)
