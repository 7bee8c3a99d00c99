"""The hooks, in the order they are called. A hook returns a declaration; the host acts on it.

Every hook is optional, takes only the arguments it names, and is documented with its exact signature in
`docs/hooks.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    import grpc.aio
    from starlette.routing import BaseRoute

    from stigmer_core.kind import Job, Kind, Service
    from stigmer_core.program import Engine, Json, Publisher, Runner
    from stigmer_core.resources import Resources
    from stigmer_core.server import Caller, Links
    from stigmer_core.settings import Setting
    from stigmer_core.store import Migrations, Store
    from stigmer_core.vault import Vault

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
def stigmer_settings() -> Sequence[Setting]:  # type: ignore[empty-body]
    """Return the settings this plugin adds, each a flag of `serve`, a variable, and a key in a table of `config.toml`.

    Called once, when the plugin is loaded, also by the command line. What they are set to is in `configuration`, as
    `configuration[table][key]`. Two plugins that claim one setting: the second one is not loaded.
    """


@hookspec
def stigmer_migrations() -> Migrations:  # type: ignore[empty-body]
    """Return the schema of this plugin's own tables.

    Called once, before the store opens. Most plugins need none: every kind's resources live in one table.
    """


@hookspec
def stigmer_runners(configuration: Mapping[str, Json]) -> Sequence[Runner]:  # type: ignore[empty-body]
    """Return the runners this plugin adds.

    `configuration` is what plugins see of the settings, such as
    `{"network": {"allow": [...]}, "auth": "token"}`.

    Called once, after the store has opened. Two plugins that claim one runner name: the second one is not loaded.
    """


@hookspec
def stigmer_engine(  # noqa: PLR0917 - a hook names what it takes
    name: str,
    store: Store,
    runners: Mapping[str, Runner],
    publisher: Publisher,
    vault: Vault,
    configuration: Mapping[str, Json],
) -> Engine | None:
    """Return the engine called `name`, or None when this plugin has another one.

    Called once, after every runner is known; the first answer that is not None wins. The engine hands every
    `Publish` of a program to `publisher`, in the transaction that records the event behind it or in a later one: in
    order, each once, the last ones with the run's end. `vault` encrypts what it keeps; `configuration` is as in
    `stigmer_runners`.
    """


@hookspec
def stigmer_services(  # type: ignore[empty-body]  # noqa: PLR0917 - a hook names what it takes
    store: Store,
    resources: Resources,
    engine: Engine | None,
    runners: Mapping[str, Runner],
    channel: grpc.aio.Channel,
    links: Links,
    configuration: Mapping[str, Json],
) -> Sequence[Service]:
    """Return the gRPC services this plugin adds, beyond what the pipeline serves for its kinds.

    Called once, after the engine is known and before it opens. `engine` is None when no plugin has the one that was
    asked for. `channel` calls any service of this server in process; `links` mints URLs of the HTTP host;
    `configuration` is as in `stigmer_runners`. Two plugins that claim one service: the second one is not loaded.
    """


@hookspec
def stigmer_worker(
    values: Callable[[str], Awaitable[Mapping[str, str]]],
    runners: Mapping[str, Runner],
    configuration: Mapping[str, Json],
) -> None:
    """Learn what activities work with in a process that has no store.

    Called once in a worker, in the place of `stigmer_services`, before the first activity. `values` returns the
    secrets and variables of a run by its id, from the server, for as long as that is away not at all: what it returns
    is for the call that needs it, and is kept nowhere. `runners` and `configuration`, which is that of the worker's
    own machine, are as in `stigmer_runners`.
    """


@hookspec
def stigmer_routes(store: Store, resources: Resources, links: Links) -> Sequence[BaseRoute]:  # type: ignore[empty-body]
    """Return routes of the HTTP host, for what gRPC cannot carry: Starlette's `Route` and `Mount`.

    Called once, after the services. A path starts with a name of the plugin's own, such as `/artifacts/`. The host
    checks `Host` and `Origin`; who may do what is up to the route: `links.require_signed` is the usual way.
    """


@hookspec
def stigmer_authenticators(  # type: ignore[empty-body]
    store: Store, resources: Resources
) -> Sequence[Callable[[str], Caller | None]]:
    """Return functions that know who calls by a bearer token, beside the token of the home.

    Called once. Each is asked in turn for every call over TCP whose token is not the home's, on the event loop, so it
    must be quick; None means that the token is not one of its own. It raises `UnauthenticatedError` for one that is,
    and is not good any more.
    """


@hookspec
def stigmer_jobs(store: Store, resources: Resources) -> Sequence[Job]:  # type: ignore[empty-body]
    """Return what is to be done again and again while the server runs, such as dropping what has expired.

    Called once. A job that raises is logged and runs again at its next time; one at a time, cancelled at the stop.
    """
