"""`stigmer secrets`: the keys that encrypt secrets at rest."""

from __future__ import annotations

import click

from stigmer_core.api.v1 import secrets_pb2 as pb
from stigmer_core.cli.session import Session, pass_session
from stigmer_core.cli.tables import Table


@click.group(short_help="Rotate the keys that encrypt secrets.")
def secrets() -> None:
    """Keep the keys that encrypt secrets at rest."""


@secrets.command(short_help="Make new keys; what is stored stays readable.")
@pass_session
def rotate(session: Session) -> None:
    """Make a new root key and new data keys, while the server goes on.

    The root key is <home>/root.key unless STIGMER_ROOT_KEY or STIGMER_ROOT_KEY_FILE names another. Back it up: without
    it secrets cannot be read.
    """
    path = "/stigmer.core.v1.SecretService/RotateKeys"
    response = session.connection().call(path, pb.RotateKeysRequest(), pb.RotateKeysResponse)
    data = {"rootKeyId": response.root_key_id, "dataKeys": response.data_keys}
    session.emit(data, table=Table(("ROOT KEY", "DATA KEYS"), [(response.root_key_id, str(response.data_keys))]))
