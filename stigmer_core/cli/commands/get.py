"""`stigmer get`: resources of a kind, of every kind, or by name."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from stigmer_core.cli.completion import complete_kind, complete_name
from stigmer_core.cli.documents import MissingError, find_kind, kind_of_id, not_found
from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import fail
from stigmer_core.cli.output import json_line, json_text, write
from stigmer_core.cli.resource_table import mixed_table, resource_table
from stigmer_core.cli.resuming import resumed
from stigmer_core.cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stigmer_core.cli.catalog import KindEntry
    from stigmer_core.cli.documents import Document, Documents, WatchedChange

EVERYTHING = "all"
_SHORTEST_SECONDS = 0.05


@click.command(short_help="Show resources of a kind.")
@click.argument("kind", required=False, shell_complete=complete_kind)
@click.argument("names", nargs=-1, shell_complete=complete_name)
@click.option("-A", "--all-orgs", is_flag=True, help="Of every organization.")
@click.option("-w", "--watch", is_flag=True, help="Go on and show what changes.")
@pass_session
def get(session: Session, kind: str | None, names: tuple[str, ...], *, all_orgs: bool, watch: bool) -> None:
    """Show resources: all of KIND, or those with the NAMES.

    KIND is a kind, its plural or its short name; `all` stands for every kind. KIND/NAME and ids such as agt_01h... are
    taken as well. One name gives an object, none or several give a list.
    """
    if kind is None:
        fail(ExitCode.USAGE, "which kind?", hint="stigmer api-resources, or: stigmer get all")
    if watch:
        _watch(session, kind, names, "" if all_orgs else session.org)
        return
    documents = session.readable_documents()
    org = "" if all_orgs else session.org
    if kind == EVERYTHING and not names:
        _emit_everything(session, documents, org)
        return
    found, names = resolve(documents, kind, names)
    if names:
        _emit_named(session, found, [_one(documents, found, name, session.org) for name in names])
    else:
        _emit_list(session, found, documents.listing(found, org))


def resolve(documents: Documents, word: str, names: Sequence[str] = ()) -> tuple[KindEntry, tuple[str, ...]]:
    """Return the kind and the names that `KIND NAME...`, `KIND/NAME` or an id stand for.

    Raises:
        Failure: there is no such kind.
    """
    kind_word, slash, name = word.partition("/")
    if slash:
        inner = [other.partition("/")[2] or other for other in names]
        return find_kind(documents, kind_word), (name, *inner)
    if not names and (kind := kind_of_id(documents, word)) is not None:
        return kind, (word,)
    return find_kind(documents, word), tuple(names)


def find(session: Session, documents: Documents, word: str, names: Sequence[str]) -> tuple[KindEntry, Document]:
    """Return the one resource that the arguments of a command name.

    Raises:
        Failure: they name none, more than one, or one that does not exist.
    """
    kind, found = resolve(documents, word, names)
    if len(found) != 1:
        fail(ExitCode.USAGE, f"which {kind.name.lower()}?", hint=f"stigmer get {kind.plural}")
    return kind, _one(documents, kind, found[0], session.org)


def _one(documents: Documents, kind: KindEntry, name: str, org: str) -> Document:
    try:
        return documents.get(kind, name, org)
    except MissingError:
        not_found(documents, kind, name, org)


def _emit_named(session: Session, kind: KindEntry, found: list[Document]) -> None:
    if len(found) > 1 or session.output in ("table", "wide", "name"):
        _emit_list(session, kind, iter(found))
    else:
        session.emit(json.loads(found[0].json))


def _emit_list(session: Session, kind: KindEntry, found: Iterator[Document]) -> None:
    if session.output == "name":
        session.emit(None, names=[document.name() for document in found])
        return
    resources = [(document, json.loads(document.json)) for document in found]
    if not resources and session.output in ("table", "wide"):
        session.note(f"no {kind.plural} in organization {session.org}" if kind.org_scoped else f"no {kind.plural}")
        return
    data = {"apiVersion": kind.api_version, "kind": f"{kind.name}List", "items": [value for _, value in resources]}
    session.emit(data, table=resource_table(kind, resources, wide=session.output == "wide"))


def _emit_everything(session: Session, documents: Documents, org: str) -> None:
    found = [(kind, document) for kind in list(documents.kinds()) for document in documents.listing(kind, org)]
    if session.output == "name":
        session.emit(None, names=[document.name() for _, document in found])
        return
    resources = [(kind, document, json.loads(document.json)) for kind, document in found]
    data = {"apiVersion": "cli.stigmer/v1", "kind": "ResourceList", "items": [value for _, _, value in resources]}
    session.emit(data, table=mixed_table(resources, wide=session.output == "wide"))


def _watch(session: Session, word: str, names: Sequence[str], org: str) -> None:
    kind, found = resolve(session.documents(), word, names)
    if len(found) > 1:
        fail(ExitCode.USAGE, "--watch follows one resource, or all of a kind", hint=f"stigmer get {kind.plural} -w")
    name, first = found[0] if found else "", True
    for change in changes(session, kind, name, org):
        if change.type == "deleted":
            session.note(f"{change.document.name()} was deleted")
        elif change.type != "synced":
            _emit_change(session, kind, change.document, first=first)
            first = False


def changes(
    session: Session, kind: KindEntry, name: str, org: str, *, deadline: float | None = None
) -> Iterator[WatchedChange]:
    """Yield every change, of one resource until it is deleted; `deadline` is a point of the monotonic clock.

    When the server goes and comes back, or this is too slow for it, the next call asks from the last revision on.
    """
    documents, revision = session.documents(), 0

    def begin() -> Iterator[WatchedChange]:
        nonlocal revision
        seconds = None if deadline is None else max(deadline - time.monotonic(), _SHORTEST_SECONDS)
        for change in documents.watch(kind, name, org, revision, seconds=seconds):
            revision = max(revision, change.revision)
            yield change

    try:
        yield from resumed(begin)
    except MissingError:
        not_found(documents, kind, name, session.org)


def _emit_change(session: Session, kind: KindEntry, document: Document, *, first: bool) -> None:
    value: Any = json.loads(document.json)
    if session.output in ("json", "ndjson"):
        write((json_text if session.output == "json" else json_line)(value) + "\n")
    elif session.output == "yaml":
        write("" if first else "---\n")
        session.emit(value)
    elif session.output == "name":
        write(document.name() + "\n")
    else:
        table = resource_table(kind, [(document, value)], wide=session.output == "wide")
        session.emit(value, table=table if first else table._replace(header=table.rows[0], rows=()))
