"""The writer: many callers, one thread, one commit for all who wait at that moment."""

from __future__ import annotations

import logging
from queue import Empty, SimpleQueue
from threading import Lock, Thread, get_ident
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any, TypeVar

from stigmer_core.errors import ResourceExhaustedError, StoreError, UnavailableError
from stigmer_core.store.committer import Committer, Job

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable, Iterable, Sequence

    from stigmer_core.store.changes import ChangeHub, ResourceChange
    from stigmer_core.store.feed import Feed, Subscription
    from stigmer_core.store.transaction import Transaction

T = TypeVar("T")

logger = logging.getLogger(__name__)

MAX_WAITING = 10_000
MAX_GROUP = 256
LARGE_WAL_PAGES = 12_800  # 100 MB
LONGEST_PAUSE_SECONDS = 0.002


class AsyncJob(Job):
    """A job whose caller awaits a future on an event loop."""

    __slots__ = ("future", "loop")

    def __init__(self, function: Callable[[Transaction], Any], loop: AbstractEventLoop) -> None:
        super().__init__(function)
        self.loop = loop
        self.future: Future[Any] = loop.create_future()

    def resolve(self) -> None:
        """Give the caller the outcome, unless it has gone."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        elif isinstance(self.error, StopIteration):  # a future refuses it: https://peps.python.org/pep-0479/
            self.future.set_exception(RuntimeError("a transaction's function raised StopIteration"))
        else:
            self.future.set_exception(self.error)


class BlockingJob(Job):
    """A job whose caller blocks its thread."""

    __slots__ = ("done",)

    def __init__(self, function: Callable[[Transaction], Any]) -> None:
        super().__init__(function)
        self.done = Lock()
        self.done.acquire()


class Writer:
    """Runs functions on the committer: in the writer thread, or in the caller's when nobody else writes."""

    def __init__(
        self, committer: Committer, feed: Feed, hub: ChangeHub, *, committed: Callable[[set[str]], None]
    ) -> None:
        self._committer = committer
        self._feed = feed
        self._hub = hub
        self._committed = committed
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._baton = Lock()  # held by whoever uses the committer
        self._holder = 0
        self._start = Lock()
        self._thread: Thread | None = None
        self._loop: AbstractEventLoop | None = None
        self._closed = False
        self._warn_at = LARGE_WAL_PAGES

    def submit(self, function: Callable[[Transaction], T], loop: AbstractEventLoop) -> Future[T]:
        """Return a future of the function's result, resolved on `loop` once the commit is durable."""
        self._loop = loop
        job = AsyncJob(function, loop)
        self._enqueue(job)
        return job.future

    def run_blocking(self, function: Callable[[Transaction], T]) -> T:
        """Run a function, here and now when the writer is idle."""
        if self._holder == get_ident():
            raise StoreError("a transaction's function must not start another transaction")
        if self._baton.acquire(blocking=False):
            job = Job(function)
            try:
                self._check_open()
                self._commit([job])
                self._committer.checkpoint()
            finally:
                self._baton.release()
        else:
            job = waiting = BlockingJob(function)
            self._enqueue(waiting)
            waiting.done.acquire()
        self._after_blocking(job)
        if job.error is not None:
            raise job.error
        result: T = job.result
        return result

    def close(self) -> None:
        """Finish what waits, and refuse what comes."""
        with self._start:
            self._closed = True
            thread = self._thread
        if thread:
            self._queue.put(None)
            thread.join()

    def _check_open(self) -> None:
        if self._closed:
            raise UnavailableError("the store is closed")

    def _enqueue(self, job: Job) -> None:
        if self._queue.qsize() >= MAX_WAITING:
            raise ResourceExhaustedError(f"{MAX_WAITING} writes are waiting: retry later")
        with self._start:
            self._check_open()
            if self._thread is None:
                self._thread = Thread(target=self._work, name="stigmer-store-writer", daemon=True)
                self._thread.start()
            self._queue.put(job)

    def _work(self) -> None:
        stopping = False
        while not stopping:
            jobs, stopping = self._next_group()
            if jobs:
                reads, started = self._committer.stats.reads, perf_counter()
                with self._baton:
                    self._commit(jobs)
                    self._committer.checkpoint()
                self._warn_of_growth()
                if self._committer.stats.reads - reads > len(jobs) > 1:
                    self._give_way(perf_counter() - started)

    def _warn_of_growth(self) -> None:
        pages = self._committer.stats.wal_pages
        if pages >= self._warn_at:
            logger.warning("the WAL grows, a reader is held open pages=%d", pages)
            self._warn_at = 2 * pages

    def _give_way(self, seconds: float) -> None:
        """Leave the interpreter to the readers for as long as the writer had it.

        Without this, 64 writers leave a busy event loop 0.35 of its idle rate of reads; with it 0.55, for a third of
        the writes. What arrives meanwhile is one larger group.
        """
        sleep(min(seconds, LONGEST_PAUSE_SECONDS))

    def _next_group(self) -> tuple[list[Job], bool]:
        """Return the jobs that wait, at least one unless the writer stops; and whether it stops."""
        jobs: list[Job] = []
        job = self._queue.get()
        try:
            while job is not None:
                if not (isinstance(job, AsyncJob) and job.future.cancelled()):
                    jobs.append(job)
                if len(jobs) == MAX_GROUP:
                    return jobs, False
                job = self._queue.get_nowait()
        except Empty:
            return jobs, False
        return jobs, True

    def _commit(self, jobs: Sequence[Job]) -> None:
        self._holder = get_ident()
        try:
            self._committer.commit(jobs)
        finally:
            self._holder = 0
        touched: set[str] = set()
        changes: list[ResourceChange] = []
        for job in jobs:
            touched |= job.touched
            changes += job.changes
        self._committed(touched)
        self._deliver(jobs, self._feed.waiting_for(touched))
        for loop in self._hub.loops() if changes else ():
            _call_on(loop, self._hub.offer, loop, changes)

    def _deliver(self, jobs: Iterable[Job], subscriptions: Iterable[Subscription]) -> None:
        """Tell everybody, with one call per event loop."""
        by_loop: dict[AbstractEventLoop, tuple[list[AsyncJob], list[Subscription]]] = {}
        for job in jobs:
            if isinstance(job, AsyncJob):
                by_loop.setdefault(job.loop, ([], []))[0].append(job)
            elif isinstance(job, BlockingJob):
                job.done.release()
        for subscription in subscriptions:
            by_loop.setdefault(subscription.loop, ([], []))[1].append(subscription)
        for loop, (resolved, woken) in by_loop.items():
            _call_on(loop, _resolve, resolved, woken)

    def _after_blocking(self, job: Job) -> None:
        if not job.callbacks:
            return
        loop = self._loop
        if not (loop and loop.is_running() and _call_on(loop, _call_back, job.callbacks)):
            _call_back(job.callbacks)


def _call_on(loop: AbstractEventLoop, function: Callable[..., None], *arguments: Any) -> bool:
    """Call a function on an event loop; return False when the loop is closed and nobody is left to hear it."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        return False
    return True


def _resolve(jobs: Iterable[AsyncJob], subscriptions: Iterable[Subscription]) -> None:
    for job in jobs:
        job.resolve()
    for job in jobs:
        _call_back(job.callbacks)
    for subscription in subscriptions:
        subscription.wake()


def _call_back(callbacks: Iterable[Callable[[], None]]) -> None:
    for callback in callbacks:
        try:
            callback()
        except Exception:  # the write is done: what its callback does wrong must not reach the others
            logger.exception("on_commit callback failed callback=%r", callback)
