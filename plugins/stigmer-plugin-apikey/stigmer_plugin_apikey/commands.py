"""`stigmer apikey`: keys for those who call over TCP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
from ai.stigmer.iam.apikey.v1.api_pb2 import ApiKey
from google.protobuf import json_format

from stigmer_core.cli import Session, pass_session

_COMMANDS = "/ai.stigmer.iam.apikey.v1.ApiKeyCommandController"


@click.group()
def apikey() -> None:
    """Make keys that authenticate calls over TCP; `get` and `delete` work on them as on any kind."""


@apikey.command()
@click.argument("name", required=False, default="")
@click.option("--days", type=click.IntRange(min=1), help="How long it is good for; until it is deleted by default.")
@pass_session
def create(session: Session, name: str, days: int | None) -> None:
    """Make a key and print it: this once, only its hash is kept."""
    key = ApiKey(api_version="iam.stigmer.ai/v1", kind="ApiKey")
    key.metadata.name = name
    if days is not None:
        key.spec.expires_at.FromDatetime(datetime.now(UTC) + timedelta(days=days))
    made = session.connection().call(f"{_COMMANDS}/create", key, ApiKey)
    named = f"apikey/{made.metadata.slug}"
    if session.output in ("table", "wide"):
        session.note(f"{named} is made; it is shown this once:")
        click.echo(made.spec.key_hash)
        return
    session.emit(json_format.MessageToDict(made), names=[named])
