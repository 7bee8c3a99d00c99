"""A real server in a process of its own, for tests that must see sockets, signals and crashes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START_SECONDS = 60
STOP_SECONDS = 30


class ServerProcess:
    """`stigmer serve` over a home, on free loopback ports and the home's socket.

    Args:
        home: made when there is none; keep it short, a socket's path has about 100 characters.
        options: further arguments of `stigmer serve`.
        environment: variables on top of this process's.
    """

    def __init__(
        self, home: Path, *, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self.home = home
        self._options = list(options)
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[str] | None = None
        self.description: dict[str, Any] = {}

    def start(self) -> Self:
        """Start it and return when it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        ready = self.home / "ready.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "stigmer_core", "serve", "--home", str(self.home)]
        command += ["--listen", f"unix:{self.home / 'api.sock'}", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        command += ["--ready-file", str(ready), *self._options]
        with (self.home / "server.err").open("a") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, arguments of ours
                command, env=self._environment, stdout=log, stderr=log, text=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start:\n{self.errors()}")
            time.sleep(0.02)
        self.description = json.loads(ready.read_text())
        return self

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def address(self) -> str:
        """The loopback TCP address."""
        return next(str(address) for address in self.description["grpc"] if not address.startswith("unix:"))

    @property
    def socket(self) -> str:
        """The unix socket as gRPC names it."""
        return f"unix:{self.home / 'api.sock'}"

    @property
    def token(self) -> str:
        """What TCP calls must carry."""
        return (self.home / "token").read_text().strip()

    def errors(self) -> str:
        """Return what it wrote to standard output and error since the home was made."""
        file = self.home / "server.err"
        return file.read_text() if file.exists() else ""

    def signal(self, number: int) -> None:
        """Send a signal to this process only."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash does, and wait until it is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Stop it in good order and return its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(STOP_SECONDS)

    def wait(self) -> int:
        """Return its exit code once it has ended."""
        assert self._process is not None
        return self._process.wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
