"""`stigmer apply`: make what is stored what manifests say."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from stigmer_core.cli.checking import check, in_order, require_valid
from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import Failure, PlainFailure
from stigmer_core.cli.session import Session, pass_session
from stigmer_core.cli.tables import Table
from stigmer_core.cli.terminal import takes_unicode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.cli.checking import Checked
    from stigmer_core.cli.remote_documents import RemoteDocuments

_MARKS = {"created": "✓", "updated": "✓", "unchanged": "=", "failed": "✗"}
_ASCII_MARKS = {"created": "+", "updated": "~", "unchanged": "=", "failed": "!"}
_REHEARSED = {"created": "Create", "updated": "Update", "unchanged": "Unchanged", "failed": "Failed"}
_HOPELESS = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "UNAUTHENTICATED")


class Applied(NamedTuple):
    """What became of one document."""

    kind: str
    name: str
    id: str
    action: str
    failure: Failure | None = None


@click.command(short_help="Create or update what manifests describe.")
@click.option("-f", "--file", "files", multiple=True, required=True, metavar="FILE|DIR|-", help="YAML or JSON.")
@click.option(
    "--dry-run", is_flag=False, flag_value="server", type=click.Choice(["server"]), help="Only say what would happen."
)
@pass_session
def apply(session: Session, files: tuple[str, ...], dry_run: str | None) -> None:
    """Create or update the resources that manifests describe, in the order of their dependencies.

    Every document is checked before the first is applied. One that changes nothing writes nothing.
    """
    documents = session.documents()
    checked = in_order(documents, _valid(session, documents, files))
    applied: list[Applied] = []
    try:
        for one in checked:
            applied.append(_apply(session, documents, one, dry_run=bool(dry_run)))
            failure = applied[-1].failure
            if failure is not None and failure.status in _HOPELESS:
                break
    except KeyboardInterrupt:
        session.note(f"interrupted: {len(applied)} of {len(checked)} documents were applied")
        raise
    _emit(session, applied, dry_run=bool(dry_run))
    _conclude(session, applied, len(checked), dry_run=bool(dry_run))


def action_label(action: str) -> str:
    """Return an action with its mark, as tables show it."""
    marks = _MARKS if takes_unicode(sys.stdout) else _ASCII_MARKS
    return f"{marks.get(action, '-')} {action.capitalize()}"


def _valid(session: Session, documents: RemoteDocuments, files: Sequence[str]) -> list[Checked]:
    checked = check(session, documents, files)
    require_valid(session, checked)
    return checked


def _apply(session: Session, documents: RemoteDocuments, one: Checked, *, dry_run: bool) -> Applied:
    try:
        action, document = documents.apply(one.json(session), dry_run=dry_run)
    except Failure as failure:
        return Applied(one.kind, one.slug, "", "failed", failure)
    return Applied(document.kind, document.slug, "" if dry_run and action == "created" else document.id, action)


def _emit(session: Session, applied: Sequence[Applied], *, dry_run: bool) -> None:
    items = [
        {"action": one.action, "kind": one.kind, "name": one.name, "id": one.id}
        | ({"error": one.failure.message} if one.failure else {})
        for one in applied
    ]
    if dry_run:
        table = Table(["TYPE", "NAME", "ACTION"], [[one.kind, one.name, _REHEARSED[one.action]] for one in applied])
    else:
        rows = [[one.kind, one.name, action_label(one.action), one.id] for one in applied]
        table = Table(["TYPE", "NAME", "STATUS", "ID"], rows)
    data = {"apiVersion": "cli.stigmer/v1", "kind": "ApplyResult", "items": items}
    names = [f"{one.kind.lower()}/{one.name}" for one in applied if one.failure is None]
    session.emit(data, table=table, names=names)


def _conclude(session: Session, applied: Sequence[Applied], asked: int, *, dry_run: bool) -> None:
    failed = [one for one in applied if one.failure is not None]
    for one in failed:
        assert one.failure is not None
        session.note(f"error: {one.kind.lower()}/{one.name}: {one.failure.message}")
    if failed:
        assert failed[0].failure is not None
        done = "would be applied" if dry_run else "applied"
        summary = f"{len(applied) - len(failed)} of {asked} resource(s) {done}, {len(failed)} failed"
        code = ExitCode(failed[0].failure.exit_code)
        raise PlainFailure(summary, code=code, status=failed[0].failure.status)
    if dry_run:
        session.note("Dry run successful - no resources were deployed")
        return
    unchanged = all(one.action == "unchanged" for one in applied)
    summary = f"Successfully applied {len(applied)} resource(s)" + (", nothing changed" if unchanged else "")
    session.note(f"Deployment successful! {summary}")
