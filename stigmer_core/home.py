"""The directory that holds everything of an installation, and the one process that owns it."""

from __future__ import annotations

import contextlib
import json
import secrets
from typing import TYPE_CHECKING

from stigmer_core.errors import StoreError
from stigmer_core.private_file import write_private
from stigmer_core.store import OwnerLock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stigmer_core.program import Json

SERVER_FILE = "server.json"
_TOKEN_BYTES = 32


class Home:
    """An owned home: `stigmer.db`, `token`, `server.json`, `server.lock`."""

    def __init__(self, path: Path, lock: OwnerLock) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def acquire(cls, path: Path) -> Home:
        """Own a home, which is made, 0700, when there is none.

        Raises:
            DatabaseInUseError: another process owns it.
            StoreError: it cannot be made or written to.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the home {path} cannot be made: {error.strerror}; choose another with --home") from error
        lock = OwnerLock(path / "server.lock")
        lock.acquire()
        return cls(path, lock)

    @property
    def database(self) -> Path:
        """The database file."""
        return self.path / "stigmer.db"

    def announce(self, addresses: Sequence[str]) -> None:
        """Say where the owner listens, to whoever finds the home in use."""
        self._lock.announce(addresses)

    def token(self) -> str:
        """Return the token of this home, made at the first call.

        Raises:
            StoreError: it exists and cannot be read, or is empty; it is never replaced.
        """
        file = self.path / "token"
        with contextlib.suppress(FileExistsError):
            write_private(file, secrets.token_urlsafe(_TOKEN_BYTES) + "\n", replace=False)
        try:
            token = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"the token file {file} cannot be read: {error}") from error
        if not token:
            raise StoreError(f"the token file {file} is empty: delete it to get a new token")
        return token

    def publish_server(self, description: Json) -> None:
        """Tell client commands where the server is."""
        write_private(self.path / SERVER_FILE, json.dumps(description) + "\n")

    def release(self) -> None:
        """Take the server's description away and give the home back."""
        (self.path / SERVER_FILE).unlink(missing_ok=True)
        self._lock.release()
