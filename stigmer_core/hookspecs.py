"""The hooks, in the order they are called. A hook returns a declaration; the host acts on it.

Every hook is optional, takes only the arguments it names, and is documented with its exact signature in
`docs/hooks.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import grpc.aio

    from stigmer_core.kind import Kind, Service
    from stigmer_core.program import Engine, Json, Publisher, Runner
    from stigmer_core.resources import Resources
    from stigmer_core.store import Migrations, Store

hookspec = pluggy.HookspecMarker("stigmer")
hookimpl = pluggy.HookimplMarker("stigmer")


@hookspec
def stigmer_kinds() -> Sequence[Kind]:  # type: ignore[empty-body]
    """Return the kinds of resource this plugin adds.

    Called once, when the plugin is loaded, also by the command line: it must be quick and touch nothing. Results are
    concatenated. Two plugins that claim one kind name, id prefix or plural: the second one is not loaded.
    """


@hookspec
def stigmer_commands() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Return the commands this plugin adds to `stigmer`, as name to `"module:attribute"` of a click command.

    Called once, when the plugin is loaded; the module is imported only when the command runs or shows its help.
    The first line of the module's docstring is not read: the value may be `"module:attribute|short help"`.
    Two plugins that claim one command name: the second one is not loaded.
    """


@hookspec
def stigmer_migrations() -> Migrations:  # type: ignore[empty-body]
    """Return the schema of this plugin's own tables.

    Called once, before the store opens. Most plugins need none: every kind's resources live in one table.
    """


@hookspec
def stigmer_runners(configuration: Mapping[str, Json]) -> Sequence[Runner]:  # type: ignore[empty-body]
    """Return the runners this plugin adds.

    `configuration` is what plugins see of the settings, such as `{"network": {"allow": [...]}}`.

    Called once, after the store has opened. Two plugins that claim one runner name: the second one is not loaded.
    """


@hookspec
def stigmer_engine(name: str, store: Store, runners: Mapping[str, Runner], publisher: Publisher) -> Engine | None:
    """Return the engine called `name`, or None when this plugin has another one.

    Called once, after every runner is known; the first answer that is not None wins. The engine hands every
    `Publish` of a program to `publisher` in the transaction that records the event behind it.
    """


@hookspec
def stigmer_services(  # type: ignore[empty-body]
    store: Store,
    resources: Resources,
    engine: Engine | None,
    runners: Mapping[str, Runner],
    channel: grpc.aio.Channel,
) -> Sequence[Service]:
    """Return the gRPC services this plugin adds, beyond what the pipeline serves for its kinds.

    Called once, after the engine is known and before it opens. `engine` is None when no plugin has the one that was
    asked for. `channel` calls any service of this server in process. Two plugins that claim one RPC: the second one
    is not loaded.
    """
