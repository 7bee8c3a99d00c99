"""What a command says when it cannot do what was asked: error, why, what to try."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any, NoReturn

import click

from stigmer_core.cli.exits import ExitCode, exit_code_of
from stigmer_core.cli.terminal import printable

if TYPE_CHECKING:
    from stigmer_core.errors import StigmerError

_HINTS = {
    "UNIMPLEMENTED": "stigmer version, stigmer plugin list: the server may be older, or lack a plugin",
    "UNAVAILABLE": "stigmer status",
    "UNAUTHENTICATED": "export STIGMER_TOKEN=<what `stigmer token` prints where the server runs>",
}


class Failure(click.ClickException):
    """An error with its exit code; `status` is the name of the gRPC status behind it, or empty."""

    def __init__(
        self, message: str, *, code: int = ExitCode.FAILURE, why: str = "", hint: str = "", status: str = ""
    ) -> None:
        super().__init__(message)
        self.exit_code = int(code)  # type: ignore[misc]  # click declares it for the class
        self.why = why
        self.hint = hint
        self.status = status

    def format_message(self) -> str:
        """Return the lines for people, without escape codes from what the text quotes."""
        lines = [f"error: {printable(self.message)}"]
        if self.why:
            lines.append(f"  why: {printable(self.why)}")
        if self.hint:
            lines.append(f"  try: {printable(self.hint)}")
        return "\n".join(lines)

    def show(self, file: IO[Any] | None = None, *, color: bool | None = None) -> None:
        """Write the lines to stderr."""
        text = click.style("error:", fg="red", bold=True) + self.format_message().removeprefix("error:")
        click.echo(text, file=file, err=True, color=color)

    def as_json(self) -> str:
        """Return the error as one line of JSON."""
        error = {"code": self.exit_code, "grpc": self.status, "message": self.message}
        error |= {"why": self.why} if self.why else {}
        return json.dumps({"error": error | ({"hint": self.hint} if self.hint else {})})


class PlainFailure(Failure):
    """An error whose message is the whole of what people see."""

    def format_message(self) -> str:
        """Return the message."""
        return printable(self.message)

    def show(self, file: IO[Any] | None = None, *, color: bool | None = None) -> None:
        """Write the message to stderr."""
        click.echo(self.format_message(), file=file, err=True, color=color)


def fail(code: ExitCode, message: str, why: str = "", hint: str = "") -> NoReturn:
    """End the command.

    Raises:
        Failure: always.
    """
    raise Failure(message, code=code, why=why, hint=hint)


def from_status(status: str, message: str, *, hint: str = "") -> Failure:
    """Return the failure for a gRPC status."""
    return Failure(message, code=exit_code_of(status), hint=hint or _HINTS.get(status, ""), status=status)


def from_error(error: StigmerError) -> Failure:
    """Return the failure for an error that was raised in this process."""
    return Failure(error.message, code=exit_code_of(error.code.name), status=error.code.name)


def from_usage(error: click.UsageError) -> Failure:
    """Return the failure for a command line that click refused."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return PlainFailure(error.message, code=ExitCode.USAGE)
    command = error.ctx.command_path if error.ctx is not None else "stigmer"
    message = error.format_message().rstrip(".")
    return Failure(message[:1].lower() + message[1:], code=ExitCode.USAGE, hint=f"{command} --help")
