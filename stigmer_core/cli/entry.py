"""The process around a command: its arguments in, its exit code out, no traceback on any way."""

from __future__ import annotations

import errno
import gc
import os
import sys
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import Failure, from_error, from_usage
from stigmer_core.cli.root import root
from stigmer_core.cli.session import Session
from stigmer_core.cli.terminal import color_choice

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMPLETE = "_STIGMER_COMPLETE"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = run(list(sys.argv[1:] if arguments is None else arguments))
    gc.freeze()  # the interpreter's last collections look at nothing: 8 of 68 ms of `--help`
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code."""
    session = Session()
    try:
        if _COMPLETE in os.environ:
            return _complete(session)
        return _command(session, arguments)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except OSError as error:
        _discard(sys.stdout)
        return _output_lost(session, error)


def _command(session: Session, arguments: list[str]) -> int:
    try:
        try:
            with root.make_context("stigmer", arguments, obj=session) as context:
                context.color = color_choice(session.color)
                root.invoke(context)
        finally:
            session.close()
            sys.stdout.flush() if sys.stdout is not None else None
    except click.exceptions.Exit as end:
        return end.exit_code
    except (KeyboardInterrupt, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - the edge of the process: one line instead of a traceback
        return _report(session, error)
    return int(ExitCode.OK)


def _report(session: Session, error: Exception) -> int:
    if os.environ.get("STIGMER_TRACEBACK"):
        import traceback  # noqa: PLC0415 - rarely

        traceback.print_exception(error)
    failure = _failure(error)
    try:
        failure.show(color=color_choice(session.color))
        if session.output in ("json", "ndjson"):
            click.echo(failure.as_json(), err=True)
    except OSError:
        _discard(sys.stderr)  # nobody reads; the exit code still tells
    return failure.exit_code


def _failure(error: Exception) -> Failure:
    match error:
        case Failure():
            failure: Failure = error
        case click.UsageError():
            failure = from_usage(error)
        case click.ClickException():
            failure = Failure(error.format_message(), code=error.exit_code)
        case click.Abort():
            failure = Failure("stopped", code=ExitCode.INTERRUPTED)
        case UnicodeEncodeError():
            failure = Failure("an argument is not UTF-8 text", code=ExitCode.USAGE)
        case _:
            failure = _from_elsewhere(error)
    return failure


def _from_elsewhere(error: Exception) -> Failure:
    from stigmer_core.errors import StigmerError  # noqa: PLC0415 - not for commands that end well

    if isinstance(error, StigmerError):
        return from_error(error)
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    return Failure("a fault in stigmer itself", why=text, hint="STIGMER_TRACEBACK=1 shows where")


def _output_lost(session: Session, error: OSError) -> int:
    """Say why what was to be written is lost, such as a full disk behind stdout; a closed pipe is no error."""
    if error.errno == errno.EPIPE:
        return int(ExitCode.OK)
    where = f" {error.filename}" if error.filename else ""
    return _report(session, Failure(f"cannot read or write{where}: {error.strerror or error}"))


def _discard(stream: TextIO | None) -> None:
    """Let what is still buffered go nowhere: the interpreter would complain about it when it ends."""
    if stream is None:
        return
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, stream.fileno())
    os.close(descriptor)


def _complete(session: Session) -> int:
    from click.shell_completion import shell_complete  # noqa: PLC0415 - for the shell only

    return shell_complete(root, {"obj": session}, "stigmer", _COMPLETE, os.environ[_COMPLETE])
