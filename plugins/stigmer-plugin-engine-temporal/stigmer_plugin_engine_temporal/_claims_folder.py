"""Large values as files: in a folder of the home, or one that every machine with a worker has mounted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from stigmer_core.errors import StoreError, UnavailableError
from stigmer_core.private_file import write_private

if TYPE_CHECKING:
    from pathlib import Path

_MARKER = "store-id"
_RUN = "run-"
_LEAVING = ".leaving-"
_TRIES = 3


class FolderClaims:
    """Keeps values under `run-<run id>/<digest>`, readable by their owner only."""

    def __init__(self, folder: Path, store_id: str, *, made: bool) -> None:
        self.id, self.made = store_id, made
        self._folder = folder

    @classmethod
    def open(cls, folder: Path, *, make: bool) -> FolderClaims:
        """Return the store in a folder; `make` is whether it may be made.

        Raises:
            UnavailableError: there is none, or it cannot be made or read.
        """
        marker = folder / _MARKER
        try:
            made = make and not marker.exists()
            if made:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                with contextlib.suppress(FileExistsError):
                    write_private(marker, secrets.token_hex(8), replace=False)
            return cls(folder, marker.read_text(encoding="ascii"), made=made)
        except (OSError, StoreError) as error:
            raise UnavailableError(f"large values cannot be kept in {folder}: {error}") from error

    async def put(self, run_id: str, digest: str, content: bytes) -> None:
        """Keep a value."""
        await asyncio.to_thread(self._put, run_id, digest, content)

    async def get(self, run_id: str, digest: str) -> bytes | None:
        """Return a value, None when it is not there."""
        try:
            return await asyncio.to_thread((self._of(run_id) / digest).read_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnavailableError(f"a value of run {run_id} cannot be read: {error.strerror}") from error

    async def runs(self) -> list[str]:
        """Return the runs that have values."""
        return await asyncio.to_thread(self._runs)

    async def unused_seconds(self, run_id: str) -> float:
        """Return how long ago the last value of a run was kept."""
        return await asyncio.to_thread(_unused_seconds, self._of(run_id))

    async def remove(self, run_id: str, unused_seconds: float) -> bool:
        """Remove the values of a run, unless one was kept since."""
        return await asyncio.to_thread(self._remove, run_id, unused_seconds)

    def _of(self, run_id: str) -> Path:
        return self._folder / f"{_RUN}{quote(run_id, safe='')}"

    def _put(self, run_id: str, digest: str, content: bytes) -> None:
        path = self._of(run_id) / digest
        for _ in range(_TRIES):  # a folder that is being removed may vanish in between
            try:
                if path.exists() and path.stat().st_size == len(content):
                    os.utime(path)
                else:
                    path.parent.mkdir(mode=0o700, exist_ok=True)
                    write_private(path, content)
            except FileNotFoundError:
                continue
            except (StoreError, OSError) as error:
                if isinstance(error.__cause__, FileNotFoundError) and self._folder.exists():
                    continue
                raise UnavailableError(f"a value of run {run_id} cannot be kept: {error}") from error
            return
        raise UnavailableError(f"a value of run {run_id} cannot be kept: its folder vanishes")

    def _runs(self) -> list[str]:
        for left in self._folder.glob(f"{_LEAVING}*"):  # by a process that was killed
            self._put_back(left, self._folder / left.name.removeprefix(_LEAVING))
        return [unquote(path.name.removeprefix(_RUN)) for path in self._folder.glob(f"{_RUN}*")]

    def _remove(self, run_id: str, unused_seconds: float) -> bool:
        """Move the folder away first: whoever keeps a value meanwhile makes a new one, or is seen by its time."""
        folder = self._of(run_id)
        leaving = folder.with_name(f"{_LEAVING}{folder.name}")
        folder.rename(leaving)
        if _unused_seconds(leaving) < unused_seconds:
            self._put_back(leaving, folder)
            return False
        shutil.rmtree(leaving)
        return True

    def _put_back(self, leaving: Path, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        for path in leaving.iterdir():
            path.replace(folder / path.name)
        leaving.rmdir()


def _unused_seconds(folder: Path) -> float:
    newest = folder.stat().st_mtime
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            newest = max(newest, path.stat().st_mtime)
    return time.time() - newest
