"""Who owns a home: a lock that the kernel frees when its owner dies."""

from __future__ import annotations

import json
import os
import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from stigmer_core.errors import DatabaseInUseError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

if sys.platform == "win32":
    import msvcrt

    LOCKED_BYTE = 1 << 30  # behind the text, which others must be able to read

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


_held: weakref.WeakSet[OwnerLock] = weakref.WeakSet()


class OwnerLock:
    """Exclusive ownership of the database beside the lock file, for one process at a time.

    The lock is what counts, never the pid that stands in the file. The file stays: removing it would let two
    processes lock two files of one name.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._descriptor: int | None = None

    def acquire(self, addresses: Sequence[str] = ()) -> None:
        """Take the lock and announce this process.

        Raises:
            DatabaseInUseError: another process has it; its pid and addresses are named.
            StoreError: the file cannot be opened or locked there.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be opened: {error.strerror}") from error
        try:
            _lock(descriptor)
        except (BlockingIOError, PermissionError) as error:
            os.close(descriptor)
            raise self._in_use() from error
        except OSError as error:
            os.close(descriptor)
            raise StoreError(f"{self.path} cannot be locked: {error.strerror}") from error
        self._descriptor = descriptor
        _held.add(self)
        self.announce(addresses)

    def announce(self, addresses: Sequence[str]) -> None:
        """Write this process's pid and addresses for whoever is refused.

        Raises:
            StoreError: the lock is not held.
        """
        if self._descriptor is None:
            raise StoreError(f"{self.path} is not locked by this process")
        text = json.dumps({"pid": os.getpid(), "addresses": list(addresses)}).encode()
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, text)

    def release(self) -> None:
        """Give the lock back; one that is not held is fine."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            _unlock(self._descriptor)
            self.forget()

    def forget(self) -> None:
        """Close the file without a word: what a forked child does, whose parent goes on owning."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _in_use(self) -> DatabaseInUseError:
        try:
            owner = json.loads(self.path.read_text())
            who = f"process {owner['pid']}"
            where = " at " + ", ".join(owner["addresses"]) if owner["addresses"] else ""
        except (OSError, ValueError, KeyError, TypeError):
            who, where = "another process", ""
        return DatabaseInUseError(f"{self.path.parent} is in use by {who}{where}: stop it, or talk to it")


def _forget_in_child() -> None:
    for lock in tuple(_held):
        lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
