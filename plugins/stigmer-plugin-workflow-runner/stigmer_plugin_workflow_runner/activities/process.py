"""One process: its directory, its environment, what it is given and what it leaves, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from stigmer_core.process import owned_group
from stigmer_core.program import ActivityError
from stigmer_plugin_workflow_runner.activities.failures import RUNTIME, failed, misconfigured
from stigmer_plugin_workflow_runner.activities.sandbox import Sandbox, probe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from stigmer_core.program import ActivityContext, Json

_Stream: TypeAlias = "tuple[asyncio.StreamReader, asyncio.ReadTransport]"
LARGEST = 1024 * 1024  # bytes of each output
LONGEST_DETACHED = 3600.0  # seconds that a process may take for which nobody waits
GRACE = 5.0  # seconds in which the outputs of a group that was killed are closed
_CHUNK = 64 * 1024

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Left:
    """What a process left: its exit code (negative for a signal) and its outputs, without the newlines at their end."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Program:
    """What is run: an interpreter, the text that it reads from a file of this name, and what else it may read."""

    interpreter: Sequence[str]
    file: str
    text: str
    readable: Sequence[Path] = ()


class Processes:
    """Runs processes in the sandbox that the settings ask for.

    Args:
        sandbox: the setting of that name.
        network: whether processes may use the network.
    """

    def __init__(self, *, sandbox: str = "auto", network: bool = False) -> None:
        self._setting = sandbox
        self._network = network
        self._sandbox: Sandbox | None = None
        self._detached: set[asyncio.Task[None]] = set()

    async def sandbox(self) -> Sandbox:
        """Return the sandbox, which is found out once.

        Raises:
            ActivityError: there is none.
        """
        if self._sandbox is None:
            self._sandbox = await probe(self._setting, network=self._network)
            weak = self._sandbox.tier == "rlimits"
            logger.log(logging.WARNING if weak else logging.INFO, "processes run in sandbox=%s", self._sandbox.tier)
        return self._sandbox

    async def run_file(self, program: Program, arguments: Json, context: ActivityContext) -> Json:
        """Run a program's text in the sandbox and return what it leaves, or at once when nobody waits for it.

        Raises:
            ActivityError: there is no sandbox, the arguments are none, or the process writes more than it may.
        """
        sandbox = await self.sandbox()
        given = argument_list(arguments.get("arguments"))
        stdin = None if arguments.get("stdin") is None else text(arguments["stdin"])
        environment(arguments.get("environment"), Path())  # what is wrong with it is said although nobody waits

        async def run() -> Left:
            async with workplace() as (root, work):
                file = root / program.file
                file.write_text(program.text, encoding="utf-8")
                readable = [file, *program.readable]
                argv = sandbox.around([*program.interpreter, str(file), *given], readable=readable, writable=work)
                env = environment(arguments.get("environment"), work)
                return await run_process(argv, env=env, cwd=work, stdin=stdin)

        return await self.answer(run, arguments, context, sandbox.tier)

    async def answer(
        self, run: Callable[[], Awaitable[Left]], arguments: Json, context: ActivityContext, tier: str
    ) -> Json:
        """Return what the task is answered: what the process left, or nothing when nobody waits for it."""
        started = time.monotonic()
        if arguments.get("await") is False:
            task = asyncio.create_task(_alone(run, context, tier))
            self._detached.add(task)
            task.add_done_callback(self._detached.discard)
            return {"sandbox": tier}
        left = await run()
        _log(context, tier, left.code, started)
        return {"code": left.code, "stdout": left.stdout, "stderr": left.stderr, "sandbox": tier}

    async def close(self) -> None:
        """Stop the processes for which nobody waits; the engine stops all others."""
        for task in (detached := list(self._detached)):
            task.cancel()
        await asyncio.gather(*detached, return_exceptions=True)


async def _alone(run: Callable[[], Awaitable[Left]], context: ActivityContext, tier: str) -> None:
    started = time.monotonic()
    try:
        async with asyncio.timeout(LONGEST_DETACHED):
            left = await run()
    except (ActivityError, TimeoutError) as error:
        logger.warning("process failed run=%s task=%s reason=%s", context.run_id, context.command_key, error)
    else:
        _log(context, tier, left.code, started)


def _log(context: ActivityContext, tier: str, code: int, started: float) -> None:
    line = "process done run=%s task=%s sandbox=%s code=%d duration_ms=%d"
    logger.info(line, context.run_id, context.command_key, tier, code, round((time.monotonic() - started) * 1000))


@contextlib.asynccontextmanager
async def workplace() -> AsyncIterator[tuple[Path, Path]]:
    """Make a directory for a program's own files and a working directory, and remove both afterwards."""
    root = Path(tempfile.mkdtemp(prefix="stigmer-run-"))
    try:
        (root / "work").mkdir()
        yield root, root / "work"
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, root, ignore_errors=True))


def environment(given: Json, home: Path) -> dict[str, str]:
    """Return the environment of a process: nothing of the server's but the PATH, and what the task says.

    Raises:
        ActivityError: the task's environment is none.
    """
    if not isinstance(given or {}, dict):
        raise misconfigured("the environment of a process is an object")
    base = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
    }
    return base | {_name(name): text(value) for name, value in (given or {}).items()}


def argument_list(given: Json) -> list[str]:
    """Return the arguments of a process.

    Raises:
        ActivityError: they are no list.
    """
    if not isinstance(given or [], list):
        raise misconfigured("the arguments of a process are a list")
    return [text(value) for value in given or []]


def text(value: Json) -> str:
    """Return a value as a process gets it: text as it is, nothing as the empty text, anything else as JSON.

    Raises:
        ActivityError: it has a character that no process can be given.
    """
    found = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    if "\0" in found:
        raise misconfigured("what is given to a process cannot have NUL characters")
    return found


def _name(name: str) -> str:
    if not name or "=" in name or "\0" in name:
        raise misconfigured(f"{name!r} cannot name a variable of the environment")
    return name


async def run_process(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdin: str | None) -> Left:
    """Run a process in a group of its own until it ends; whatever ends this call kills the group.

    Not `asyncio.create_subprocess_exec`: on Python 3.11 it hangs when it is cancelled while it connects its pipes,
    and waits for outputs that somebody else holds open.

    Raises:
        ActivityError: it cannot be started, or writes more than it may.
    """
    process = _started(argv, env, cwd, stdin)
    connecting = asyncio.create_task(_connected(process))  # to its end: a pipe in between would stay open
    with owned_group(process.pid):
        try:
            streams = await asyncio.shield(connecting)
            async with asyncio.TaskGroup() as group:
                outputs = [group.create_task(_read(reader)) for reader, _ in streams]
                group.create_task(_ended(process, streams, outputs))
        except* ActivityError as errors:
            raise errors.exceptions[0] from errors
        finally:
            _kill(process)
            await _gone(process)
            for _, transport in await connecting:
                transport.close()
    return Left(process.returncode, *(output.result() for output in outputs))


def _started(argv: Sequence[str], env: Mapping[str, str], cwd: Path, stdin: str | None) -> subprocess.Popen[bytes]:
    with tempfile.TemporaryFile() as given:
        given.write((stdin or "").encode())
        given.seek(0)
        try:
            return subprocess.Popen(  # noqa: S603 - what runs is what the document says
                argv,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise misconfigured(f"the process cannot be started: {error}") from error


async def _connected(process: subprocess.Popen[bytes]) -> list[_Stream]:
    streams: list[_Stream] = []
    pipes: list[Any] = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None]
    try:
        while pipes:
            reader = asyncio.StreamReader()
            protocol = partial(asyncio.StreamReaderProtocol, reader)
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(protocol, pipes.pop(0))
            streams.append((reader, transport))
    except asyncio.CancelledError:  # the loop ends
        for open_one in (*pipes, *(transport for _, transport in streams)):
            open_one.close()
        raise
    return streams


async def _ended(
    process: subprocess.Popen[bytes], streams: Sequence[_Stream], outputs: Sequence[asyncio.Task[str]]
) -> None:
    """Wait until the process itself has ended, and end what it left behind, which may hold its outputs open."""
    await _gone(process)
    _kill(process)
    _, late = await asyncio.wait(outputs, timeout=GRACE)
    for reader, _ in streams if late else ():
        reader.feed_eof()  # somebody has left the group and holds it


async def _gone(process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has ended, and reap it."""
    if process.poll() is not None:
        return
    if not hasattr(os, "pidfd_open"):
        await asyncio.to_thread(process.wait)
        return
    file, loop, ready = os.pidfd_open(process.pid), asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(file, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(file)
        os.close(file)
        process.poll()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS refuses for a group of the dead
        os.killpg(process.pid, signal.SIGKILL)


async def _read(reader: asyncio.StreamReader) -> str:
    found = bytearray()
    while chunk := await reader.read(_CHUNK):
        found += chunk
        if len(found) > LARGEST:
            raise failed(500, f"the process writes more than {LARGEST} bytes", kind=RUNTIME)
    return found.decode(errors="replace").rstrip("\n")
