"""The store: one database file, one writer, readers of their own."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import apsw

from stigmer_core.errors import UnavailableError
from stigmer_core.store.cache import BodyCache
from stigmer_core.store.changes import ChangeHub
from stigmer_core.store.committer import Committer
from stigmer_core.store.connection import connect
from stigmer_core.store.epoch import EpochFile
from stigmer_core.store.feed import Feed
from stigmer_core.store.opening import check_pages, copy_database, open_database
from stigmer_core.store.reader import Reader
from stigmer_core.store.translation import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import ThreadPoolExecutor

    from stigmer_core.store.changes import Watcher
    from stigmer_core.store.committer import Stats
    from stigmer_core.store.feed import Subscription
    from stigmer_core.store.schema import Migrations
    from stigmer_core.store.transaction import Transaction
    from stigmer_core.store.writer import Writer

T = TypeVar("T")

BODY_CACHE_BYTES = 32 * 1024 * 1024
READER_THREADS = 4


class Store:
    """Resources, versions, events, search and answers to repeated requests, in one SQLite file."""

    def __init__(self, path: Path, connection: apsw.Connection, vfs: str | None) -> None:
        self.path = path
        self.checksummed = vfs is not None
        self._vfs = vfs
        self._connection = connection
        self._committer = Committer(connection)
        self._epoch = EpochFile(path)
        self._feed = Feed()
        self._hub = ChangeHub()
        self._bodies = BodyCache(BODY_CACHE_BYTES)
        self._local = threading.local()
        self._readers: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()
        self._start = threading.Lock()
        self._lazy_writer: Writer | None = None
        self._lazy_pool: ThreadPoolExecutor | None = None
        self._closed = False

    @classmethod
    def open(cls, path: Path, *, migrations: Sequence[Migrations] = (), create: bool = True) -> Self:
        """Open a database, or create it, and bring its schema up to date.

        Args:
            path: the database file; its directory must exist.
            migrations: the schemas of the installed plugins.
            create: make a new database where there is none.

        Raises:
            DatabaseDamagedError: the file is empty, is no database, is truncated, or has a flipped bit; it is left
                as it is.
            SchemaTooNewError: a newer version wrote it.
            StoreError: it cannot be opened for another reason, said in one sentence.
        """
        path = Path(path)
        connection, vfs = open_database(path, migrations=migrations, create=create)
        try:
            store = cls(path, connection, vfs)
            store._epoch.check(store._committer.counters.epoch, store._committer.counters.commits)
        except BaseException:
            connection.close()
            raise
        return store

    @property
    def stats(self) -> Stats:
        """Return what happened since the store was opened."""
        return self._committer.stats

    @property
    def watchers(self) -> int:
        """Return how many watch now."""
        return self._hub.count()

    async def run(self, function: Callable[[Transaction], T]) -> T:
        """Run a function in a transaction and return its result once that is durable.

        Functions that wait at the same time are committed together, each in its own savepoint: one that raises
        undoes only its own writes. The function is run on the writer thread and must not wait for anything.

        Raises:
            ResourceExhaustedError: no space is left, or 10,000 callers wait; nothing was written.
            UnavailableError: the store is closed.
        """
        import asyncio  # noqa: PLC0415 - 60 ms that a process without a loop need not pay

        return await self._writer().submit(function, asyncio.get_running_loop())

    def run_blocking(self, function: Callable[[Transaction], T]) -> T:
        """Run a function in a transaction like `run`, for threads without an event loop."""
        return self._writer().run_blocking(function)

    def read(self, function: Callable[[Reader], T]) -> T:
        """Run a function on this thread's reader, in one read transaction: all it sees is of one moment."""
        connection = self._reader()
        self._committer.stats.reads += 1
        try:
            if connection.in_transaction:
                return function(Reader(connection))
            connection.execute("BEGIN").fetchall()
            try:
                return function(Reader(connection))
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT").fetchall()
        except apsw.Error as error:
            raise translated(error, str(self.path)) from error

    async def read_slowly(self, function: Callable[[Reader], T]) -> T:
        """Run a function like `read`, on a thread of its own: for what takes longer than a millisecond."""
        import asyncio  # noqa: PLC0415 - 60 ms that a process without a loop need not pay

        return await asyncio.get_running_loop().run_in_executor(self._pool(), self.read, function)

    def body(self, resource_id: str) -> bytes | None:
        """Return a resource's protobuf bytes, from memory where it can; exact from the commit's answer on."""
        return self._bodies.get(resource_id, self._load_body)

    def subscribe(self, key: str) -> Subscription:
        """Return a subscription to commits that touch a key: a resource's id, an event stream, or `kind:<name>`.

        Raises:
            ResourceExhaustedError: there are too many.
        """
        import asyncio  # noqa: PLC0415 - 60 ms that a process without a loop need not pay

        return self._feed.subscribe(key, asyncio.get_running_loop())

    def watch(self, *, kind: str = "", resource_id: str = "") -> Watcher:
        """Return a watcher of every change to a kind's resources, or to one resource; of all kinds when empty.

        Raises:
            ResourceExhaustedError: there are too many.
        """
        import asyncio  # noqa: PLC0415 - 60 ms that a process without a loop need not pay

        return self._hub.watch(asyncio.get_running_loop(), kind=kind, resource_id=resource_id)

    def backup(self, path: Path) -> None:
        """Write a complete copy as of one moment, also under load.

        Raises:
            StoreError: the copy cannot be written, or there is something already.
        """
        connection = self._connect()
        try:
            copy_database(connection, Path(path), self._vfs)
        finally:
            connection.close()

    def verify(self) -> None:
        """Read every page.

        Raises:
            DatabaseDamagedError: one of them is not what was written.
        """
        try:
            check_pages(self._reader(), "integrity_check")
        except apsw.Error as error:
            raise translated(error, str(self.path)) from error

    def close(self) -> None:
        """Finish the writes that wait, and close; twice is fine."""
        with self._start:
            if self._closed:
                return
            self._closed = True
        if self._lazy_writer:
            self._lazy_writer.close()
        if self._lazy_pool:
            self._lazy_pool.shutdown()
        for connection in (*self._readers, self._connection):
            _close(connection)
        self._epoch.close()

    def _reader(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect(readonly=True)
            self._readers.add(connection)
        return connection

    def _connect(self, *, readonly: bool = False) -> apsw.Connection:
        if self._closed:
            raise UnavailableError("the store is closed")
        try:
            return connect(self.path, vfs=self._vfs, readonly=readonly)
        except apsw.Error as error:
            raise translated(error, str(self.path)) from error

    def _writer(self) -> Writer:
        if self._lazy_writer is None:
            from stigmer_core.store.writer import Writer  # noqa: PLC0415 - 9 ms of logging that a reader need not pay

            with self._start:
                if self._closed:
                    raise UnavailableError("the store is closed")
                if self._lazy_writer is None:
                    self._lazy_writer = Writer(self._committer, self._feed, self._hub, committed=self._note_commit)
        return self._lazy_writer

    def _pool(self) -> ThreadPoolExecutor:
        with self._start:
            if self._closed:
                raise UnavailableError("the store is closed")
            if self._lazy_pool is None:
                from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - comes with asyncio

                self._lazy_pool = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="stigmer-store-reader")
            return self._lazy_pool

    def _note_commit(self, touched: set[str]) -> None:
        self._bodies.invalidate(touched)
        counters = self._committer.counters
        self._epoch.note(counters.epoch, counters.commits)

    def _load_body(self, resource_id: str) -> bytes | None:
        sql = "SELECT body FROM resources WHERE id = ?"
        try:
            rows: list[tuple[Any, ...]] = self._reader().execute(sql, (resource_id,)).fetchall()
        except apsw.Error as error:
            raise translated(error, str(self.path), sql) from error
        return rows[0][0] if rows else None


def _close(connection: apsw.Connection) -> None:
    try:
        connection.close()
    except apsw.Error:  # another thread is reading with it: it goes with its thread
        return
