"""`stigmer status`, `stop` and `token`: the server of a home, from outside."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import fail
from stigmer_core.cli.output import write
from stigmer_core.cli.places import running_server
from stigmer_core.cli.session import Session, pass_session
from stigmer_core.cli.tables import Table

if TYPE_CHECKING:
    from pathlib import Path

_POLL_SECONDS = 0.02


@click.command(short_help="Say whether a server runs, and where.")
@pass_session
def status(session: Session) -> None:
    """Say whether a server runs in this home, and where it answers; the exit code is 3 when none does."""
    server = running_server(session.home)
    data: dict[str, Any] = {"apiVersion": "cli.stigmer/v1", "kind": "ServerStatus", "state": "stopped"}
    if server is not None:
        addresses = [str(address) for address in server.description.get("grpc", [])]
        network = next((address for address in addresses if not address.startswith("unix:")), "")
        data |= {"state": "running", "address": network or server.address, **server.description}
    data["home"] = str(session.home)
    shown = {key: value for key, value in data.items() if key not in ("apiVersion", "kind", "address")}
    rows = [[key, ", ".join(value) if isinstance(value, list) else str(value)] for key, value in shown.items()]
    session.emit(data, table=Table(["STATUS", ""], rows), names=[str(data["state"])])
    if server is None:
        raise click.exceptions.Exit(ExitCode.UNREACHABLE)


@click.command(short_help="Stop the server of this home.")
@click.option("--timeout", type=click.FloatRange(min=0), default=30.0, show_default=True, help="Seconds to wait.")
@pass_session
def stop(session: Session, timeout: float) -> None:
    """Stop the server of this home and wait until it has ended; its runs go on at the next start."""
    lock = session.home / "server.lock"
    if not _is_held(lock):
        session.note(f"no server runs in {session.home}")
        return
    if running_server(session.home) is None:
        fail(ExitCode.UNREACHABLE, "the home is in use, but not by a server that answers", hint="the command again")
    begun = time.monotonic()
    _terminate(lock)
    while _is_held(lock):
        if time.monotonic() - begun > timeout:
            fail(ExitCode.TIMED_OUT, f"the server has not ended within {timeout:g} s", hint="stigmer stop --timeout 60")
        time.sleep(_POLL_SECONDS)
    session.note(f"stopped ({time.monotonic() - begun:.1f} s)")


@click.command(short_help="Print the token that calls over TCP need.")
@pass_session
def token(session: Session) -> None:
    """Print the token of this home, which is made when there is none yet."""
    file = session.home / "token"
    if not file.exists():
        _make_token(session.home)
    try:
        value = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        fail(ExitCode.FAILURE, f"the token file {file} cannot be read", str(error))
    write(value + "\n")


def _make_token(home: Path) -> None:
    from stigmer_core.home import Home  # noqa: PLC0415 - only where nobody served before

    owned = Home.acquire(home)
    try:
        owned.token()
    finally:
        owned.release()


def _is_held(lock: Path) -> bool:
    """Return whether a process owns the home; the lock is what counts, not a pid in a file."""
    from stigmer_core.errors import DatabaseInUseError  # noqa: PLC0415 - here only
    from stigmer_core.store import OwnerLock  # noqa: PLC0415 - here only

    if not lock.exists():
        return False
    try:
        with OwnerLock(lock):
            return False
    except DatabaseInUseError:
        return True


def _terminate(lock: Path) -> None:
    """Signal the process that holds the lock, which wrote its pid there; a handle on it keeps the pid from reuse."""
    try:
        pid = int(json.loads(lock.read_text(encoding="utf-8"))["pid"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        fail(ExitCode.FAILURE, f"{lock} does not say which process owns the home", str(error))
    try:
        if sys.platform != "linux":
            os.kill(pid, signal.SIGTERM)
            return
        handle = os.pidfd_open(pid)
        try:
            if _is_held(lock):
                signal.pidfd_send_signal(handle, signal.SIGTERM)
        finally:
            os.close(handle)
    except ProcessLookupError:
        return
    except PermissionError:
        fail(ExitCode.NOT_PERMITTED, f"the server, process {pid}, belongs to somebody else")
