"""One group of functions as one transaction: each in its own savepoint, one commit for all."""

from __future__ import annotations

from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import apsw

from stigmer_core.errors import FailedPreconditionError
from stigmer_core.store.connection import CHECKPOINT_PAGES, refuse_control
from stigmer_core.store.counters import Counters
from stigmer_core.store.transaction import Transaction
from stigmer_core.store.translation import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stigmer_core.store.changes import ResourceChange

# The comment keeps these apart, in the statement cache, from the same words in a plugin's SQL: see refuse_control.
_BEGIN = "BEGIN IMMEDIATE -- store"
_SAVEPOINT = "SAVEPOINT job -- store"
_UNDO = "ROLLBACK TO job -- store"
_RELEASE = "RELEASE job -- store"
_COMMIT = "COMMIT -- store"
_ROLLBACK = "ROLLBACK -- store"


@dataclass(slots=True)
class Stats:
    """What happened since the store was opened; `syncs` are those that SQLite owes, two of them for a checkpoint."""

    commits: int = 0
    saves: int = 0
    syncs: int = 0
    checkpoints: int = 0
    wal_pages: int = 0
    reads: int = 0


class Job:
    """A function to run in a transaction, and what came of it."""

    __slots__ = ("callbacks", "changes", "context", "error", "function", "result", "touched")

    def __init__(self, function: Callable[[Transaction], Any]) -> None:
        self.function = function
        self.context = copy_context()  # who called, for the audit that the function writes
        self.result: Any = None
        self.error: BaseException | None = None
        self.touched: set[str] = set()
        self.callbacks: list[Callable[[], None]] = []
        self.changes: list[ResourceChange] = []


class Committer:
    """The writing connection; one thread at a time uses it."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.counters = Counters(connection)
        self.stats = Stats()
        self._inside = False  # a caller's function
        self._checkpoint_at = CHECKPOINT_PAGES
        connection.set_wal_hook(self._note_wal)
        connection.set_authorizer(self._authorize)

    def commit(self, jobs: Sequence[Job]) -> None:
        """Run every job and commit; a job's `error` is set when nothing of it was written.

        When SQLite itself has rolled the transaction back (disk full, I/O error), the jobs up to the one that met it
        fail together and the rest are run in a new transaction.
        """
        start = 0
        while start < len(jobs):
            start = self._commit_from(jobs, start)

    def checkpoint(self) -> None:
        """Copy the WAL into the database when it has grown; after the answers, so that nobody waits for it."""
        if self.stats.wal_pages < self._checkpoint_at:
            return
        self._checkpoint_at = self.stats.wal_pages + CHECKPOINT_PAGES  # a reader held open must not make it every time
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error:  # the next one will: the WAL holds everything
            return
        self.stats.checkpoints += 1
        self.stats.syncs += 2

    def _commit_from(self, jobs: Sequence[Job], start: int) -> int:
        """Commit jobs from `start`, and return the index of the first one that did not run."""
        end = start
        try:
            self._execute(_BEGIN)
            before = self._connection.total_changes()
            savepoints = len(jobs) - start > 1
            while end < len(jobs):
                job = jobs[end]
                end += 1
                self._run(job, savepoint=savepoints)
            self._finish(jobs[start:end], changed=self._connection.total_changes() != before)
        except apsw.Error as error:
            end = end if end > start else len(jobs)
            self._fail(jobs[start:end], translated(error, self._connection.filename), error)
        except BaseException as error:  # Ctrl-C between two statements: the next transaction must find none open
            self._fail(jobs[start:], error, error)
            raise
        return end

    def _run(self, job: Job, *, savepoint: bool) -> None:
        """Run one function; an error of SQLite's that ends the whole transaction is raised."""
        transaction = Transaction(self._connection, self.counters)
        revision, sequence = self.counters.revision, self.counters.sequence
        if savepoint:
            self._execute(_SAVEPOINT)
        try:
            self._inside = True
            job.result = job.context.run(job.function, transaction)
        except BaseException as error:  # noqa: BLE001 - it is handed to the caller, whatever it is
            job.error = error
        finally:
            self._inside = False
        transaction.finish()
        if transaction.lost:
            raise transaction.lost
        if not job.error and self._connection.status(apsw.SQLITE_DBSTATUS_DEFERRED_FKS)[0]:
            job.error = FailedPreconditionError("FOREIGN KEY constraint failed")
        if job.error:
            self.counters.revision, self.counters.sequence = revision, sequence
            if savepoint:
                self._execute(_UNDO)
        else:
            job.touched, job.callbacks, job.changes = transaction.touched, transaction.callbacks, transaction.written
        if savepoint:
            self._execute(_RELEASE)

    def _finish(self, jobs: Sequence[Job], *, changed: bool) -> None:
        done = sum(job.error is None for job in jobs)
        if not done:
            self._execute(_ROLLBACK)
            return
        if changed:
            self.counters.save()
        self._execute(_COMMIT)
        self.stats.saves += done
        self.stats.commits += 1
        self.stats.syncs += changed

    def _fail(self, jobs: Sequence[Job], failure: BaseException, cause: BaseException) -> None:
        """Give every job of a transaction that did not commit an error, and make the next one possible."""
        if failure is not cause:
            failure.__cause__ = cause
        for job in jobs:
            job.error = job.error or failure
            job.touched, job.callbacks, job.changes = set(), [], []
        try:
            if self._connection.in_transaction:
                self._execute(_ROLLBACK)
            self.counters.load()
        except apsw.Error:  # the next transaction meets it again and says so
            return

    def _execute(self, sql: str) -> None:
        self._connection.execute(sql).fetchall()

    def _authorize(self, operation: int, *_: str | None) -> int:
        return refuse_control(operation) if self._inside else apsw.SQLITE_OK

    def _note_wal(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        if pages < self.stats.wal_pages:  # it was started anew
            self._checkpoint_at = CHECKPOINT_PAGES
        self.stats.wal_pages = pages
        return apsw.SQLITE_OK
