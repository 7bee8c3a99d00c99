"""An MCP server as a child process: its own group, a bare environment, surely gone at the end."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, Any, cast

import anyio
from mcp.shared.message import SessionMessage

from stigmer_plugin_mcpserver._failure import ConnectFailure, Reason
from stigmer_plugin_mcpserver._pipes import ERROR_BYTES, ErrorOutput, Input, Output

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp.client import Transport

    from stigmer_plugin_mcpserver._variables import Variables

_ERROR_CHARACTERS = 300
_GRACE_SECONDS = 1.0
_REAP_SECONDS = 2.0
_POLL_SECONDS = 0.01


class ServerProcess:
    """Starts a stdio server and connects to it, once.

    The SDK's own `stdio_client` inherits more of the environment than is wanted here, reads lines of any length, and
    leaves what a server started behind when the server itself ends in time.

    Raises:
        ConnectFailure: a value cannot be passed to a process.
    """

    def __init__(self, stdio: Any, variables: Variables) -> None:
        arguments = [variables.fill(argument) for argument in stdio.args]
        self._command: str = stdio.command
        self._arguments = [argument for argument in arguments if argument is not None]
        self._folder: str | None = stdio.working_dir or None
        self._variables = variables
        self._environment = variables.environment()
        self._output: Output | None = None
        self._errors = ErrorOutput()
        self._exit_code: int | None = None

    def streams(self) -> Transport:
        """Return the transport that the SDK's client enters; leaving it ends the process and all it started."""
        return cast("Transport", self._streams())

    def trouble(self) -> ConnectFailure | None:
        """Return what the process itself did wrong, once it is gone; None when it did nothing."""
        if self._output is not None and self._output.refused is not None:
            return self._output.refused
        if self._exit_code is not None:
            text = f"{self._command!r} ended with code {self._exit_code} before it had answered"
            return ConnectFailure(Reason.EXITED, text + self.evidence())
        return None

    def evidence(self) -> str:
        """Return what else is known of it, to add to a message: stray output, its last error line."""
        stray = self._output is not None and self._output.stray_lines
        return ("; some of its output is no JSON-RPC" if stray else "") + self._last_error()

    def _last_error(self) -> str:
        longest = max((len(value) for value in self._variables.secrets.values()), default=0)
        if longest > ERROR_BYTES // 2:  # it might be cut, and not be found
            return ""
        lines = self._variables.hide(self._errors.kept.decode("utf-8", "replace")).split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "")
        shown = "".join(character for character in last if character.isprintable())[-_ERROR_CHARACTERS:]
        return f"; its last error line: {shown.strip()}" if shown else ""

    @contextlib.asynccontextmanager
    async def _streams(self) -> AsyncIterator[Any]:
        send, received = anyio.create_memory_object_stream[SessionMessage | Exception](math.inf)
        output = self._output = Output(send)
        with send, received:
            process = self._start()
            try:
                async with self._pipes(process, output) as stdin:
                    try:
                        yield received, Input(stdin)
                    except BaseException:
                        if output.ended:
                            self._exit_code = await _ended(process, _GRACE_SECONDS)
                        raise
                    stdin.close()
                    await _ended(process, _GRACE_SECONDS)
            finally:
                await _end(process)

    def _start(self) -> subprocess.Popen[bytes]:
        """Start the process.

        Not with asyncio's `subprocess_exec`: when that is cancelled it waits for the child, here for a minute.
        """
        try:
            return subprocess.Popen(  # noqa: S603 - to run what the spec names is the point
                [self._program(), *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            text = f"{self._command!r} cannot be started: {error.strerror or type(error).__name__}"
            raise ConnectFailure(Reason.NOT_STARTED, text) from None

    def _program(self) -> str:
        if self._folder and not os.path.isdir(self._folder):  # noqa: PTH112 - one call, no path is kept
            raise ConnectFailure(Reason.NOT_STARTED, f"working_dir {self._folder!r} is no folder here")
        if "/" in self._command:
            return self._command
        found = shutil.which(self._command, path=self._environment.get("PATH"))
        if found is None:
            raise ConnectFailure(Reason.NOT_STARTED, f"there is no program {self._command!r} in PATH")
        return found

    @contextlib.asynccontextmanager
    async def _pipes(self, process: subprocess.Popen[bytes], output: Output) -> AsyncIterator[asyncio.WriteTransport]:
        loop = asyncio.get_running_loop()
        free: list[Any] = [process.stdin, process.stdout, process.stderr]  # those that no transport owns yet
        with contextlib.ExitStack() as opened:
            opened.callback(lambda: [pipe.close() for pipe in free])
            stdin, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, free[0])
            opened.callback(stdin.close)
            del free[0]
            stdout, _ = await loop.connect_read_pipe(lambda: output, free[0])
            opened.callback(stdout.close)
            del free[0]
            stderr, _ = await loop.connect_read_pipe(lambda: self._errors, free[0])
            opened.callback(stderr.close)
            del free[0]
            yield stdin


async def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and what it started; nothing polite: a listing leaves nothing to save."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await _ended(process, _REAP_SECONDS)


async def _ended(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Return a process's exit code once it has ended, or None after a while."""
    with anyio.move_on_after(seconds, shield=True):
        while process.poll() is None:  # noqa: ASYNC110 - the loop's watchers know only processes that it started
            await anyio.sleep(_POLL_SECONDS)
    return process.returncode
