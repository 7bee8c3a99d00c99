"""`stigmer describe`: one resource, readable."""

from __future__ import annotations

import importlib
import json
from typing import Any

import click

from stigmer_core.cli.commands.get import find
from stigmer_core.cli.completion import complete_kind, complete_name
from stigmer_core.cli.global_options import FORMATS, keep
from stigmer_core.cli.output import write
from stigmer_core.cli.resource_table import age_of, value_at
from stigmer_core.cli.session import Session, pass_session
from stigmer_core.cli.terminal import one_line, printable
from stigmer_core.cli.yaml_text import yaml_text

_LABEL_WIDTH = 14


@click.command(short_help="Show one resource for people.")
@click.option(
    "-o",
    "--output",
    metavar=f"[{'|'.join(FORMATS)}|…]",
    expose_value=False,
    envvar="STIGMER_OUTPUT",
    show_envvar=True,
    callback=keep,
    help="How it is written; some kinds have more formats, such as mermaid of workflows.",
)
@click.argument("kind", shell_complete=complete_kind)
@click.argument("name", required=False, shell_complete=complete_name)
@pass_session
def describe(session: Session, kind: str, name: str | None) -> None:
    """Show the resource NAME of KIND: what it is, what it says, how it is."""
    documents = session.readable_documents()
    entry, document = find(session, documents, kind, [name] if name else [])
    resource = json.loads(document.json)
    if session.output not in FORMATS:
        write(_drawn(session, entry.name, resource))
        return
    if session.output not in ("table", "wide"):
        session.emit(resource, names=[document.name()])
        return
    head = {
        "Name": document.slug,
        "Kind": entry.name,
        "Id": document.id,
        "Organization": document.org,
        "Revision": str(document.revision),
        "Age": age_of(resource),
        "Visibility": str(value_at(resource, "metadata.visibility") or ""),
        "Labels": ", ".join(f"{key}={value}" for key, value in (value_at(resource, "metadata.labels") or {}).items()),
    }
    lines = [f"{label + ':':<{_LABEL_WIDTH}}{one_line(value)}" for label, value in head.items() if value]
    write("\n".join(lines) + "\n")
    for part in ("spec", "status"):
        _write_part(part, {key: value for key, value in resource.get(part, {}).items() if key != "audit"})


def _drawn(session: Session, kind: str, resource: Any) -> str:
    """Return a resource in a format of its kind's own.

    Raises:
        click.UsageError: the kind has no such format.
    """
    from stigmer_core.cli.plugin_scan import load_plugins  # noqa: PLC0415 - 200 ms that only these formats need

    found = load_plugins(session.home).kinds.get(kind)
    drawings = found.drawings if found is not None else {}
    target = drawings.get(session.output)
    if target is None:
        known = ", ".join((*FORMATS, *drawings))
        raise click.UsageError(f"there is no format {session.output!r} of {kind}: it is one of {known}")
    module, _, function = target.partition(":")
    drawn: str = getattr(importlib.import_module(module), function)(resource)
    return drawn


def _write_part(part: str, content: Any) -> None:
    if content:
        text = printable(yaml_text(content))
        write(f"{part.capitalize()}:\n" + "".join(f"  {line}\n" for line in text.splitlines()))
