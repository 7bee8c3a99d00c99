"""`stigmer delete`: resources and what they own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stigmer_core.cli.checking import check, in_order, require_valid
from stigmer_core.cli.commands.apply import action_label
from stigmer_core.cli.commands.get import resolve
from stigmer_core.cli.completion import complete_kind, complete_name
from stigmer_core.cli.documents import MissingError, find_kind, not_found
from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import fail
from stigmer_core.cli.session import Session, pass_session
from stigmer_core.cli.tables import Table
from stigmer_core.cli.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.cli.catalog import KindEntry
    from stigmer_core.cli.documents import Document
    from stigmer_core.cli.remote_documents import RemoteDocuments


@click.command(short_help="Delete resources and what they own.")
@click.argument("kind", required=False, shell_complete=complete_kind)
@click.argument("names", nargs=-1, shell_complete=complete_name)
@click.option("-f", "--file", "files", multiple=True, metavar="FILE|DIR|-", help="What these manifests describe.")
@click.option("-y", "--yes", "--force", is_flag=True, help="Do not ask.")
@click.option("--ignore-not-found", is_flag=True, help="What is gone already is no error.")
@pass_session
def delete(
    session: Session,
    kind: str | None,
    names: tuple[str, ...],
    files: tuple[str, ...],
    *,
    yes: bool,
    ignore_not_found: bool,
) -> None:
    """Delete the resources NAMES of KIND, also written KIND/NAME, and what they own.

    Asks before, where somebody can answer; elsewhere --yes must be given.
    """
    if (kind is None) == (not files):
        fail(ExitCode.USAGE, "name a kind and resources, or manifests with -f", hint="stigmer delete KIND NAME")
    documents = session.documents()
    if files:
        wanted = _described(session, documents, files)
    else:
        found, names = resolve(documents, str(kind), names)
        if not names:
            fail(ExitCode.USAGE, f"which {found.name.lower()}?", hint=f"stigmer get {found.plural}")
        wanted = [(found, name, session.org) for name in names]
    current = _existing(documents, wanted, ignore_not_found=ignore_not_found)
    _confirm(session, [document for _, document in current], yes=yes)
    _emit(session, [documents.delete(entry, document.id, document.org) for entry, document in current])


def _described(session: Session, documents: RemoteDocuments, files: Sequence[str]) -> list[tuple[KindEntry, str, str]]:
    """Return what manifests describe, what depends on others first."""
    checked = check(session, documents, files)
    require_valid(session, checked)
    wanted = []
    for one in reversed(in_order(documents, checked)):
        assert one.manifest is not None
        metadata = one.manifest.value.get("metadata") or {}
        wanted.append((find_kind(documents, one.kind), one.slug, metadata.get("org") or session.org))
    return wanted


def _existing(
    documents: RemoteDocuments, wanted: Sequence[tuple[KindEntry, str, str]], *, ignore_not_found: bool
) -> list[tuple[KindEntry, Document]]:
    """Return what there is of the wanted; nothing is deleted when one name is wrong."""
    found = []
    for kind, name, org in wanted:
        try:
            found.append((kind, documents.get(kind, name, org)))
        except MissingError:
            if not ignore_not_found:
                not_found(documents, kind, name, org)
    return found


def _confirm(session: Session, found: Sequence[Document], *, yes: bool) -> None:
    if yes or not found:
        return
    names = ", ".join(one_line(document.name()) for document in found)
    if not session.can_ask():
        fail(ExitCode.USAGE, f"nobody can be asked whether to delete {names}", hint="--yes")
    if not click.confirm(f"Delete {names}?", err=True):
        raise click.Abort


def _emit(session: Session, deleted: Sequence[Document]) -> None:
    rows = [[document.kind, document.slug, action_label("deleted"), document.id] for document in deleted]
    items = [{"action": "deleted", "kind": one.kind, "name": one.slug, "id": one.id} for one in deleted]
    data = {"apiVersion": "cli.stigmer/v1", "kind": "DeleteResult", "items": items}
    table = Table(["TYPE", "NAME", "STATUS", "ID"], rows)
    session.emit(data, table=table, names=[document.name() for document in deleted])
