"""`stigmer validate`: are manifests right?"""

from __future__ import annotations

import click

from stigmer_core.cli.checking import check, require_valid
from stigmer_core.cli.session import Session, pass_session


@click.command(short_help="Check manifests; writes nothing.")
@click.option("-f", "--file", "files", multiple=True, required=True, metavar="FILE|DIR|-", help="YAML or JSON.")
@pass_session
def validate(session: Session, files: tuple[str, ...]) -> None:
    """Check manifests, or workflow documents in the CNCF DSL, without storing them.

    Problems go to stderr, each with its file, line and column. The exit code is 2 when there is one.
    """
    checked = check(session, session.documents(), files)
    if session.output not in ("table", "wide"):
        items = [
            {
                "file": one.source,
                "line": one.manifest.line if one.manifest else 0,
                "kind": one.kind,
                "name": one.slug,
                "valid": not one.findings,
                "problems": [
                    {key: value for key, value in finding._asdict().items() if key != "source"}
                    for finding in one.findings
                ],
            }
            for one in checked
        ]
        data = {"apiVersion": "cli.stigmer/v1", "kind": "ValidateResult", "items": items}
        session.emit(data, names=[one.name() for one in checked if not one.findings])
    require_valid(session, checked)
    for one in checked:
        session.note(f"{one.source}: {one.name()} is valid")
