"""`stigmer wait`: until a resource is as it should be."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from stigmer_core.cli.commands.get import changes, resolve
from stigmer_core.cli.completion import complete_kind, complete_name
from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import Failure, fail
from stigmer_core.cli.resource_table import value_at
from stigmer_core.cli.session import Session, pass_session
from stigmer_core.cli.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_core.cli.documents import WatchedChange

_ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TERMINATED")
_HINT = "deleted, terminal, phase=COMPLETED, or PATH=VALUE such as spec.description=hello"


@click.command(short_help="Wait until a resource is as it should be.")
@click.argument("kind", shell_complete=complete_kind)
@click.argument("names", nargs=-1, shell_complete=complete_name)
@click.option("--for", "condition", required=True, metavar="CONDITION", help=f"What to wait for: {_HINT}.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Give up after so long; exit 13.")
@pass_session
def wait(session: Session, kind: str, names: tuple[str, ...], condition: str, timeout: float | None) -> None:
    """Wait until KIND NAME fulfils a condition, and print its name.

    `terminal` is any phase in which a run has ended; `phase=X` compares status.phase, with or without its prefix.
    """
    met = _condition(condition)
    found, named = resolve(session.documents(), kind, names)
    if len(named) != 1:
        fail(ExitCode.USAGE, f"which {found.name.lower()}?", hint=f"stigmer get {found.plural}")
    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        for change in changes(session, found, named[0], session.org, deadline=deadline):
            if _is_over(change, condition, met):
                name = change.document.name()
                session.emit({"name": name}, names=[name], table=Table(("NAME",), [(name,)]))
                return
    except Failure as failure:
        if failure.status != "DEADLINE_EXCEEDED":
            raise
        word = f"{found.name.lower()}/{named[0]}"
        fail(ExitCode.TIMED_OUT, f"{word} was not {condition} within {timeout:g} s", hint=f"stigmer describe {word}")


def _is_over(change: WatchedChange, condition: str, met: Callable[[Any], bool]) -> bool:
    if change.type == "deleted":
        if condition != "deleted":
            fail(ExitCode.NOT_FOUND, f"{change.document.name()} was deleted before it was {condition}")
        return True
    return change.type != "synced" and met(json.loads(change.document.json))


def _condition(text: str) -> Callable[[Any], bool]:
    path, equals, wanted = text.partition("=")
    if text == "deleted":
        return lambda _resource: False
    if text == "terminal" or (path == "phase" and wanted == "terminal"):
        return lambda resource: _phase(resource) in _ENDED
    if path == "phase" and wanted:
        return lambda resource: _phase(resource) == wanted.upper().removeprefix("EXECUTION_")
    if not equals or not path:
        fail(ExitCode.USAGE, f'unknown condition "{text}"', hint=_HINT)
    return lambda resource: _text(value_at(resource, path)) == wanted


def _phase(resource: Any) -> str:
    return str(value_at(resource, "status.phase") or "").removeprefix("EXECUTION_")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
