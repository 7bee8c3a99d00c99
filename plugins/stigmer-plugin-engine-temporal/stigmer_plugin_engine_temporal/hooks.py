"""What this plugin adds: the engine `temporal`, its tables and its settings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from stigmer_core import Job, Service, Setting, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stigmer_core.program import Engine, Json, Publisher, Runner
    from stigmer_core.resources import Resources
    from stigmer_core.store import Migrations, Store
    from stigmer_core.vault import Vault

NAME = "temporal"


@hookimpl
def stigmer_settings() -> Sequence[Setting]:
    """Return where Temporal is, and how one gets in."""
    return [
        Setting("temporal", "address", "Where Temporal is; without it a server of one's own is started.", "HOST:PORT"),
        Setting("temporal", "namespace", "The namespace of this installation alone; default when not given.", "NAME"),
        Setting("temporal", "api_key", "The key that Temporal asks for.", secret=True),
        Setting("temporal", "tls_ca", "Certificates that Temporal's is checked against, PEM.", "FILE"),
        Setting("temporal", "tls_cert", "The certificate to show Temporal, PEM.", "FILE"),
        Setting("temporal", "tls_key", "Its private key, PEM.", "FILE"),
        Setting("temporal", "tls_server_name", "The name in Temporal's certificate.", "NAME"),
        Setting("temporal", "work", "Whether the server does what workers can do, too; true.", "true|false"),
        Setting("temporal", "claims", "Where large values are kept; <home>/claims.", "FOLDER|s3://BUCKET/PREFIX"),
        Setting("temporal", "claims_endpoint", "Where S3 is, when it is not Amazon's.", "URL"),
        Setting("temporal", "encryption", "Whether values in Temporal are encrypted; true.", "true|false"),
    ]


@hookimpl
def stigmer_migrations() -> Migrations:
    """Return the schema of the outbox."""
    from stigmer_core.store import Migrations  # noqa: PLC0415 - the command line has no store

    return Migrations(owner="stigmer-plugin-engine-temporal", package="stigmer_plugin_engine_temporal")


@hookimpl
def stigmer_commands() -> Mapping[str, str]:
    """Return `worker`."""
    return {"worker": "stigmer_plugin_engine_temporal.commands:worker|Do the work of runs, on any machine."}


@hookimpl
def stigmer_engine(  # noqa: PLR0917 - as the hook
    name: str,
    store: Store,
    runners: Mapping[str, Runner],
    publisher: Publisher,
    vault: Vault,
    configuration: Mapping[str, Json],
) -> Engine | None:
    """Return the engine `temporal`."""
    if name != NAME:
        return None
    from stigmer_plugin_engine_temporal._engine import TemporalEngine  # noqa: PLC0415 - for those who run it
    from stigmer_plugin_engine_temporal._options import Options  # noqa: PLC0415

    return TemporalEngine(store, runners, publisher, vault, Options.of(configuration))


@hookimpl
def stigmer_services(resources: Resources, engine: Engine | None) -> Sequence[Service]:
    """Return what workers call."""
    if engine is None or engine.name != NAME:
        return []
    from stigmer_plugin_engine_temporal._engine import TemporalEngine  # noqa: PLC0415 - for those who run it
    from stigmer_plugin_engine_temporal._home_service import SERVICE, WorkerController  # noqa: PLC0415

    assert isinstance(engine, TemporalEngine)
    return [Service(SERVICE, WorkerController(resources, engine))]


@hookimpl
def stigmer_jobs(store: Store) -> Sequence[Job]:
    """Return what is done now and then, whichever engine drives runs."""
    from stigmer_plugin_engine_temporal._upkeep import EVERY, upkeep  # noqa: PLC0415 - for those who serve

    return [Job("engine-temporal-upkeep", EVERY, partial(upkeep, store))]
