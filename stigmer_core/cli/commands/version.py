"""`stigmer version`: of the command line, of the server, of what they run on."""

from __future__ import annotations

import platform

import click

import stigmer_core
from stigmer_core.cli.places import running_server
from stigmer_core.cli.session import Session, pass_session
from stigmer_core.cli.tables import Table

API_GENERATION = "3.41.0"


@click.command(short_help="Print versions.")
@pass_session
def version(session: Session) -> None:
    """Print the versions of the command line, of the server of this home, and of the API they speak."""
    server = running_server(session.home)
    versions = {
        "client": stigmer_core.__version__,
        "server": server.description.get("version", "") if server is not None else None,
        "api": API_GENERATION,
        "python": platform.python_version(),
    }
    rows = [[name, value or "(not running)"] for name, value in versions.items()]
    data = {"apiVersion": "cli.stigmer/v1", "kind": "Version", **versions}
    session.emit(data, table=Table(["PART", "VERSION"], rows), names=[stigmer_core.__version__])
