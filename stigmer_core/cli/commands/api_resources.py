"""`stigmer api-resources`: the kinds there are."""

from __future__ import annotations

import click

from stigmer_core.cli.session import Session, pass_session
from stigmer_core.cli.tables import Table


@click.command("api-resources", short_help="List the kinds of resource.")
@pass_session
def api_resources(session: Session) -> None:
    """List the kinds of resource, in the order in which their manifests are applied."""
    kinds = list(session.readable_documents().kinds())
    header = ["NAME", "SHORT", "KIND", "VERBS", "PLUGIN", "DESCRIPTION"]
    rows = [
        [
            kind.plural,
            ",".join(kind.short_names),
            kind.name,
            ",".join(kind.verbs),
            kind.plugin if kind.available else "(not installed)",
            kind.description,
        ]
        for kind in kinds
    ]
    if session.output == "wide":
        header = [*header, "API VERSION", "ID PREFIX", "MESSAGE"]
        rows = [[*row, kind.api_version, kind.id_prefix, kind.message] for row, kind in zip(rows, kinds, strict=True)]
    items = [
        {
            "name": kind.name,
            "plural": kind.plural,
            "shortNames": list(kind.short_names),
            "apiVersion": kind.api_version,
            "idPrefix": kind.id_prefix,
            "orgScoped": kind.org_scoped,
            "verbs": list(kind.verbs),
            "plugin": kind.plugin,
            "description": kind.description,
            "message": kind.message,
            "available": kind.available,
        }
        for kind in kinds
    ]
    data = {"apiVersion": "cli.stigmer/v1", "kind": "KindList", "items": items}
    session.emit(data, table=Table(header, rows), names=[kind.plural for kind in kinds])
