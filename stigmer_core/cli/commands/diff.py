"""`stigmer diff`: what would applying change?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from stigmer_core.cli.checking import check, in_order, require_valid
from stigmer_core.cli.documents import MissingError
from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.output import json_line
from stigmer_core.cli.session import Session, pass_session
from stigmer_core.cli.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stigmer_core.cli.checking import Checked
    from stigmer_core.cli.documents import Document
    from stigmer_core.cli.remote_documents import RemoteDocuments
    from stigmer_core.program import Json

_ABSENT: Any = object()


class Change(NamedTuple):
    """A value that differs; `before` or `after` is absent where there is none."""

    path: str
    before: Any
    after: Any


@click.command(short_help="Show what applying manifests would change.")
@click.option("-f", "--file", "files", multiple=True, required=True, metavar="FILE|DIR|-", help="YAML or JSON.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when something would change.")
@pass_session
def diff(session: Session, files: tuple[str, ...], *, exit_code: bool) -> None:
    """Show what applying manifests would change, value by value.

    The server applies them without keeping anything, so defaults and rewritten references are seen as they would be.
    """
    documents = session.documents()
    checked = check(session, documents, files)
    require_valid(session, checked)
    compared = [(one, *_compare(session, documents, one)) for one in in_order(documents, checked)]
    if session.output in ("table", "wide"):
        for one, name, changes in compared:
            _write(one, name, changes)
    else:
        items = [
            {"name": name, "file": one.source, "changes": list(map(_as_json, changes))}
            for one, name, changes in compared
        ]
        data = {"apiVersion": "cli.stigmer/v1", "kind": "DiffResult", "items": items}
        session.emit(data, names=[name for _, name, changes in compared if changes])
    differing = sum(1 for _, _, changes in compared if changes)
    session.note(f"{differing} of {len(compared)} resource(s) would change")
    if exit_code and differing:
        raise click.exceptions.Exit(ExitCode.FAILURE)


def changes_between(before: Json, after: Json, path: str = "") -> Iterator[Change]:
    """Yield the values that differ, by their paths."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            inner = f"{path}.{key}" if path else key
            yield from changes_between(before.get(key, _ABSENT), after.get(key, _ABSENT), inner)
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            old = before[index] if index < len(before) else _ABSENT
            new = after[index] if index < len(after) else _ABSENT
            yield from changes_between(old, new, f"{path}[{index}]")
    elif before is _ABSENT and isinstance(after, dict) and after:
        yield from changes_between({}, after, path)
    elif before != after:
        yield Change(path, before, after)


def _compare(session: Session, documents: RemoteDocuments, one: Checked) -> tuple[str, list[Change]]:
    action, after = documents.apply(one.json(session), dry_run=True)
    if action == "unchanged":
        return one.name(), []
    before = {} if action == "created" else _definition(_current(documents, after))
    return after.name(), list(changes_between(before, _definition(after)))


def _current(documents: RemoteDocuments, after: Document) -> Document | None:
    kind = next(kind for kind in documents.kinds() if kind.name == after.kind)
    try:
        return documents.get(kind, after.id, after.org)
    except MissingError:
        return None


def _definition(document: Document | None) -> dict[str, Json]:
    """Return what a manifest says of a resource: without what the server adds."""
    resource: dict[str, Json] = json.loads(document.json) if document is not None else {}
    resource.pop("status", None)
    metadata = resource.get("metadata")
    if isinstance(metadata, dict):
        resource["metadata"] = {key: value for key, value in metadata.items() if key not in ("id", "version")}
    return resource


def _write(one: Checked, name: str, changes: list[Change]) -> None:
    if not changes:
        return
    click.echo(f"--- server  {printable(name)}\n+++ {printable(one.source)}")
    for change in changes:
        click.secho(f"@@ {printable(change.path)}", fg="cyan")
        label = change.path.rpartition(".")[2]
        if change.before is not _ABSENT:
            click.secho(_lines("-", label, change.before), fg="red")
        if change.after is not _ABSENT:
            click.secho(_lines("+", label, change.after), fg="green")


def _lines(sign: str, label: str, value: Json) -> str:
    if isinstance(value, str) and "\n" in value:
        inner = "\n".join(f"{sign}    {line}" for line in printable(value).splitlines())
        return f"{sign}  {printable(label)}: |\n{inner}"
    shown = value if isinstance(value, str) else json_line(value)
    return f"{sign}  {printable(label)}: {printable(shown)}"


def _as_json(change: Change) -> dict[str, Json]:
    named = {"path": change.path, "before": change.before, "after": change.after}
    return {key: value for key, value in named.items() if value is not _ABSENT}
