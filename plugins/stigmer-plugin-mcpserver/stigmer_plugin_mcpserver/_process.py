"""An MCP server as a child process: its own group, a bare environment, a bounded output, surely gone at the end."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any, Self, cast

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from stigmer_plugin_mcpserver._failure import ConnectFailure, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.streams.memory import MemoryObjectSendStream
    from mcp.client import Transport

    from stigmer_plugin_mcpserver._variables import Variables

MAX_BYTES = 8 * 1024 * 1024
MAX_MESSAGES = 10_000
MAX_STRAY_LINES = 100
_ERROR_BYTES = 16 * 1024
_ERROR_CHARACTERS = 300
_GRACE_SECONDS = 1.0
_REAP_SECONDS = 2.0
_STDOUT = 1


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
        self._pipes: _Pipes | None = None
        self._exit_code: int | None = None

    @contextlib.asynccontextmanager
    async def _streams(self) -> AsyncIterator[Any]:
        send, received = anyio.create_memory_object_stream[SessionMessage | Exception](math.inf)
        with send, received:
            self._pipes = await self._start(send)
            try:
                yield received, _Stdin(self._pipes.stdin())
            except BaseException:
                await self._stop(_GRACE_SECONDS if self._pipes.output_ended else 0)
                raise
            await self._stop(_GRACE_SECONDS)

    def streams(self) -> Transport:
        """Return the transport that the SDK's client enters; leaving it ends the process and all it started."""
        return cast("Transport", self._streams())

    def trouble(self) -> ConnectFailure | None:
        """Return what the process itself did wrong, once it is gone; None when it did nothing."""
        if self._pipes is None:
            return None
        if self._pipes.too_much:
            return ConnectFailure(Reason.TOO_LARGE, f"the server wrote {self._pipes.too_much}")
        if self._exit_code is not None:
            text = f"{self._command!r} ended with code {self._exit_code} before it had answered"
            return ConnectFailure(Reason.EXITED, text + self.evidence())
        return None

    def evidence(self) -> str:
        """Return what else is known of it, to add to a message: stray output, its last error line."""
        if self._pipes is None:
            return ""
        stray = "; some of its output is no JSON-RPC" if self._pipes.stray_lines else ""
        return stray + self._last_error(bytes(self._pipes.errors))

    def _last_error(self, errors: bytes) -> str:
        longest = max((len(value) for value in self._variables.secrets.values()), default=0)
        if longest > _ERROR_BYTES // 2:  # it might be cut, and not be found
            return ""
        lines = self._variables.hide(errors.decode("utf-8", "replace")).split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "")
        shown = "".join(character for character in last if character.isprintable())[-_ERROR_CHARACTERS:]
        return f"; its last error line: {shown.strip()}" if shown else ""

    async def _start(self, send: MemoryObjectSendStream[Any]) -> _Pipes:
        loop = asyncio.get_running_loop()
        try:
            _, pipes = await loop.subprocess_exec(
                lambda: _Pipes(send),
                self._program(),
                *self._arguments,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            text = f"{self._command!r} cannot be started: {error.strerror or type(error).__name__}"
            raise ConnectFailure(Reason.NOT_STARTED, text) from None
        return pipes

    def _program(self) -> str:
        if self._folder and not os.path.isdir(self._folder):  # noqa: PTH112 - one call, no path is kept
            raise ConnectFailure(Reason.NOT_STARTED, f"working_dir {self._folder!r} is no folder here")
        if "/" in self._command:
            return self._command
        found = shutil.which(self._command, path=self._environment.get("PATH"))
        if found is None:
            raise ConnectFailure(Reason.NOT_STARTED, f"there is no program {self._command!r} in PATH")
        return found

    async def _stop(self, grace_seconds: float) -> None:
        pipes = self._pipes
        assert pipes is not None
        try:
            with anyio.CancelScope(shield=True):
                pipes.stdin().close()
                await pipes.wait(grace_seconds)
                self._exit_code = pipes.exit_code() if pipes.output_ended else None
                pipes.kill()
                await pipes.wait(_REAP_SECONDS)
        finally:
            # Not only above: asyncio's own cancellation does not heed the shield.
            pipes.kill()
            pipes.close()


class _Pipes(asyncio.SubprocessProtocol):
    """The ends of the child's pipes."""

    def __init__(self, send: MemoryObjectSendStream[Any]) -> None:
        self._send = send
        self._exited = asyncio.Event()
        self._rest = b""
        self._bytes = self._messages = 0
        self.stray_lines = 0
        self.errors = bytearray()
        self.output_ended = False
        self.too_much = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self._group = self._transport.get_pid()

    def stdin(self) -> asyncio.WriteTransport:
        return cast("asyncio.WriteTransport", self._transport.get_pipe_transport(0))

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        assert isinstance(data, bytes)
        if fd != _STDOUT:
            self.errors += data
            del self.errors[:-_ERROR_BYTES]
            return
        self._bytes += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        if self._bytes > MAX_BYTES:
            self._refuse(f"more than {MAX_BYTES} bytes")

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        if fd == _STDOUT:
            self.output_ended = True
            self._send.close()

    def process_exited(self) -> None:
        self._exited.set()

    async def wait(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            await self._exited.wait()

    def exit_code(self) -> int | None:
        return self._transport.get_returncode()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._group, signal.SIGKILL)

    def close(self) -> None:
        self._transport.close()

    def _take(self, line: bytes) -> None:
        if self.too_much or not line.strip():
            return
        try:
            message = jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError:
            self.stray_lines += 1
            if self.stray_lines > MAX_STRAY_LINES:
                self._refuse(f"more than {MAX_STRAY_LINES} lines that are no JSON-RPC")
            return
        self._messages += 1
        if self._messages > MAX_MESSAGES:
            self._refuse(f"more than {MAX_MESSAGES} messages")
            return
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            self._send.send_nowait(SessionMessage(message))

    def _refuse(self, what: str) -> None:
        self.too_much = self.too_much or what
        self._rest = b""
        self._send.close()
        self.kill()


class _Stdin:
    """The stream that the SDK writes its messages to."""

    def __init__(self, pipe: asyncio.WriteTransport) -> None:
        self._pipe = pipe

    async def send(self, item: SessionMessage, /) -> None:
        if self._pipe.is_closing():
            raise anyio.BrokenResourceError
        self._pipe.write(item.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")

    async def aclose(self) -> None:
        self._pipe.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()
