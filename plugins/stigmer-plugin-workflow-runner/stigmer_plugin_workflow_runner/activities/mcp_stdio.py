"""The way to an MCP server that is a process: a line of JSON for each message, in the sandbox of all processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from stigmer_core.process import owned_group
from stigmer_plugin_workflow_runner.activities.failures import failed, misconfigured
from stigmer_plugin_workflow_runner.activities.http import LARGEST
from stigmer_plugin_workflow_runner.activities.jsonrpc import answers, parsed, reply_to
from stigmer_plugin_workflow_runner.activities.process import argument_list, environment, text, workplace
from stigmer_plugin_workflow_runner.program.secrets import HIDDEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from stigmer_core.program import ActivityError, Json
    from stigmer_plugin_workflow_runner.activities.process import Processes

_TAIL = 2000  # bytes of what a server writes to its standard error that are kept
_TOLD = 500  # characters of them that an error shows
_CHUNK = 64 * 1024
_CLOSING = 2.0  # seconds for a server to end by itself when its input does


class StdioLink:
    """A session with a process.

    Args:
        server: its ends.
        secrets: values that an error does not show.
    """

    def __init__(self, server: _Server, secrets: Sequence[str]) -> None:
        self.version = ""
        self._server, self._secrets = server, secrets
        self._left = LARGEST

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request; questions of the server that come before it are replied to.

        Raises:
            ActivityError: there is none.
        """
        await self.tell(request)
        while True:
            for message in parsed(await self._line()):
                if answers(message, request):
                    return message
                if reply := reply_to(message):
                    await self.tell(reply)

    async def tell(self, message: dict[str, Any]) -> None:
        """Send what has no answer.

        Raises:
            ActivityError: the server does not read.
        """
        try:
            await self._server.write(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise await self._ended() from error

    async def _line(self) -> bytes:
        """Return the next line that is not empty.

        Raises:
            ActivityError: there is none, or the server writes more than it may.
        """
        line = b"\n"
        while line.isspace():
            try:
                line = await self._server.stdout.readuntil(b"\n")
            except asyncio.IncompleteReadError as error:
                raise await self._ended() from error
            except asyncio.LimitOverrunError:
                self._left = -1
            self._left -= len(line)
            if self._left < 0:
                raise failed(500, f"the server writes more than {LARGEST} bytes")
        return line

    async def _ended(self) -> ActivityError:
        said = await self._server.said()
        for secret in self._secrets:
            said = said.replace(secret, HIDDEN)
        told = f": {said[-_TOLD:]}" if said else ""
        return failed(500, f"the server ended before it answered{told}")


class _Server:
    """A process and its ends."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._pipes = [pipe for pipe in (process.stdout, process.stderr, process.stdin) if pipe is not None]
        self._transports: list[asyncio.ReadTransport] = []
        self._tail = bytearray()
        self._told: asyncio.Task[None] | None = None
        self._stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader

    async def connect(self) -> None:
        """Open the ends."""
        self.stdout = await self._reader()
        self._told = asyncio.create_task(self._keep(await self._reader()))
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
        transport, _ = await loop.connect_write_pipe(lambda: protocol, self._pipes.pop(0))
        self._stdin = asyncio.StreamWriter(transport, protocol, None, loop)

    async def write(self, line: bytes) -> None:
        """Write a line to the server's input.

        Raises:
            OSError: nobody reads it.
        """
        if self._stdin is not None:
            self._stdin.write(line)
            await self._stdin.drain()

    async def said(self) -> str:
        """Return the end of what the server wrote to its standard error, once it has ended or stopped to answer."""
        if self._told is not None:
            await asyncio.wait([self._told], timeout=_CLOSING)
        return self._tail.decode(errors="replace").strip()

    async def close(self) -> None:
        """Let the server end by itself."""
        if self._stdin is not None:
            self._stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, _CLOSING)

    async def kill(self) -> None:
        """End the server's whole group, and wait for the server."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS refuses for a group of the dead
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._told is not None:
            self._told.cancel()
        for transport in self._transports:
            transport.close()
        if self._stdin is not None and not self._stdin.transport.is_closing():
            self._stdin.transport.abort()
        for pipe in self._pipes:  # those that were not connected
            pipe.close()
        await asyncio.to_thread(self._process.wait)

    async def _reader(self) -> asyncio.StreamReader:
        reader = asyncio.StreamReader(limit=LARGEST)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, self._pipes.pop(0))
        self._transports.append(transport)
        return reader

    async def _keep(self, reader: asyncio.StreamReader) -> None:
        while chunk := await reader.read(_CHUNK):
            self._tail = (self._tail + chunk)[-_TAIL:]


@asynccontextmanager
async def opened_process(processes: Processes, stdio: Json, readable: Sequence[Path] = ()) -> AsyncIterator[StdioLink]:
    """Start a server, and return the way to it; it ends with this, with all that it started.

    Raises:
        ActivityError: the standard configuration error: it cannot be started.
    """
    sandbox = await processes.sandbox()
    command = [text(stdio["command"]), *argument_list(stdio.get("arguments"))]
    given = stdio.get("environment") or {}
    async with workplace() as (_, work):
        env = environment(given, work)
        process = _started(sandbox.around(command, readable=readable, writable=work), env, work)
        server = _Server(process)
        with owned_group(process.pid):
            try:
                await server.connect()
                yield StdioLink(server, [env[name] for name in stdio.get("secret", ()) if env[name]])
                await server.close()
            finally:
                await server.kill()


def _started(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(  # noqa: S603 - what runs is what the document says
            argv, stdin=pipe, stdout=pipe, stderr=pipe, env=dict(env), cwd=cwd, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise misconfigured(f"the server cannot be started: {error}") from error
