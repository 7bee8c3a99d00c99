"""What this plugin adds: the engine `local` and its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_core import Job, hookimpl
from stigmer_core.store import Migrations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stigmer_core.program import Engine, Publisher, Runner
    from stigmer_core.resources import Resources
    from stigmer_core.store import Store
    from stigmer_core.vault import Vault


@hookimpl
def stigmer_migrations() -> Migrations:
    """Return the schema of the journal."""
    return Migrations(owner="stigmer-plugin-engine-local", package="stigmer_plugin_engine_local")


@hookimpl
def stigmer_engine(
    name: str, store: Store, runners: Mapping[str, Runner], publisher: Publisher, vault: Vault
) -> Engine | None:
    """Return the engine `local`."""
    from stigmer_plugin_engine_local._engine import NAME, LocalEngine  # noqa: PLC0415 - asyncio, for those who run it

    return LocalEngine(store, runners, publisher, vault) if name == NAME else None


@hookimpl
def stigmer_jobs(store: Store, resources: Resources) -> Sequence[Job]:
    """Return the sweep of runs that ended long ago."""
    from stigmer_plugin_engine_local._retention import SWEEP_EVERY, sweep  # noqa: PLC0415 - for those who serve

    async def run() -> None:
        await sweep(store, resources.vault)

    return [Job("engine-local-retention", SWEEP_EVERY, run)]
