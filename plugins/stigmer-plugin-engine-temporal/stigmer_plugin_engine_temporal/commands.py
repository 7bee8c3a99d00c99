"""`stigmer worker`: the work of runs, on any machine that reaches Temporal and the server."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stigmer_core.cli import ExitCode, Session, fail, pass_session
from stigmer_plugin_engine_temporal.hooks import stigmer_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from stigmer_core.cli import Target
    from stigmer_core.plugins import PluginHost
    from stigmer_core.program import Json, Runner
    from stigmer_core.settings import Settings

_LEVELS = ["debug", "info", "warning", "error"]
_OF_SERVERS = ("temporal_work", "temporal_encryption")  # the server says what is encrypted
_HELP = {
    "temporal_address": "Where Temporal is; where the server finds it, when not given.",
    "temporal_namespace": "The namespace of the installation; the server knows it.",
    "temporal_claims": "Where large values are, as this machine sees it; where the server has them, when not given.",
}
_AUTHORIZATION = "authorization"


def _with_settings(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags of the engine's settings that a worker has too."""
    for one in reversed(stigmer_settings()):
        if not one.secret and one.name not in _OF_SERVERS:
            flag = f"--{one.name.replace('_', '-')}"
            function = click.option(flag, one.name, metavar=one.metavar, help=_HELP.get(one.name, one.help))(function)
    return function


@click.command(short_help="Do the work of runs, on any machine.")
@click.option("--runner", "names", multiple=True, metavar="NAME", help="Work for this runner only; repeatable.")
@click.option(
    "--concurrency", type=click.IntRange(min=1), metavar="N", help="Activities of a runner at once; as the runner says."
)
@click.option(
    "--cached-runs",
    "cached",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="Runs kept in memory between two events, 100 KB each; others are read again from Temporal.",
)
@_with_settings
@click.option(
    "--token-file", type=click.Path(dir_okay=False), metavar="FILE", help="Has the server's token; or STIGMER_TOKEN."
)
@click.option(
    "--listen",
    multiple=True,
    metavar="ADDRESS",
    help="Serve stigmer.runner.v1.WorkflowRunnerService on unix:/path or host:port, 0 takes a free port; repeatable.",
)
@click.option("--auth", type=click.Choice(["token", "none"]), help="What calls to --listen over TCP must bring.")
@click.option("--tls-cert", type=click.Path(dir_okay=False), metavar="FILE", help="Certificate chain of --listen, PEM.")
@click.option("--tls-key", type=click.Path(dir_okay=False), metavar="FILE", help="Its private key, PEM.")
@click.option("--ready-file", type=click.Path(dir_okay=False), metavar="FILE", help="Written when it works.")
@click.option(
    "--network-allow", multiple=True, metavar="HOST|CIDR", help="What calls of runs may reach beside public addresses."
)
@click.option("--log-level", type=click.Choice(_LEVELS), help="The least that is logged to stderr.")
@pass_session
def worker(
    session: Session,
    /,
    names: Sequence[str],
    token_file: str | None,
    listen: tuple[str, ...],
    **flags: Any,
) -> None:
    """Do the work of runs until Ctrl-C or SIGTERM: it then finishes what is under way, the second one ends it at once.

    It has no store: what runs report goes to the server of the home (--server), which runs with --engine temporal.
    What calls may reach, and the sandbox, are settings of this machine: see `stigmer config`.
    """
    import asyncio  # noqa: PLC0415 - not for help

    from stigmer_core.process import loop_factory  # noqa: PLC0415

    address = session.server_address()
    if not address:
        fail(ExitCode.USAGE, f"no server runs in {session.home}: which one is this worker's?", hint="--server ADDRESS")
    bounds = {name: flags.pop(name) for name in ("concurrency", "cached")}
    target, token = _target(address, session.home, token_file)
    settings, host = _loaded(session, flags)
    runners = _chosen(host.runners, names)
    known = token if settings.auth == "token" else None
    if listen and known == "" and not all(one.startswith("unix:") for one in listen):
        fail(ExitCode.USAGE, "--listen over TCP needs a token for its callers", hint="--token-file FILE, STIGMER_TOKEN")
    if listen and "workflow" not in runners:
        fail(ExitCode.USAGE, "--listen is for the runner workflow, which is not among these", hint="--runner workflow")
    from stigmer_plugin_engine_temporal import _working  # noqa: PLC0415 - 200 ms

    made = _working.Worker(
        settings=settings,
        host=host,
        runners=runners,
        target=target,
        token=known,
        listen=listen,
        concurrency=bounds["concurrency"] or 0,
        cached=bounds["cached"],
        tell=session.note,
        ready=lambda description: session.note("\n".join(_banner(description, token=known))),
    )
    with asyncio.Runner(loop_factory=loop_factory()) as running:
        running.run(_working.work(made))
    session.note("stopped")


def _target(address: str, home: Path, token_file: str | None) -> tuple[Target, str]:
    """Return where the server is, and its token, empty when there is none to be had."""
    from stigmer_core.cli import target_of  # noqa: PLC0415 - imports grpc

    target = target_of(address, home, token=_read(Path(token_file)) if token_file else "")
    sent = next((value.removeprefix("Bearer ") for key, value in target.metadata if key == _AUTHORIZATION), "")
    of_home = home / "token"
    if not sent and target.name.startswith("unix:") and of_home.exists():  # whose socket it is
        return target, _read(of_home)
    return target, sent


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        fail(ExitCode.USAGE, f"the token file {file} cannot be read", str(error))


def _loaded(session: Session, flags: Mapping[str, Any]) -> tuple[Settings, PluginHost]:
    """Return the settings, and the plugins with their runners."""
    from stigmer_core.plugins import PluginHost  # noqa: PLC0415 - 200 ms
    from stigmer_core.settings import load_settings, with_plugin_settings  # noqa: PLC0415

    given = {name: value for name, value in flags.items() if value not in (None, ())}
    settings = load_settings(home=session.options.get("home"), **given)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True
    )
    host = PluginHost(disabled=settings.disable_plugins, only=settings.plugins)
    host.load()
    settings = with_plugin_settings(settings, host.settings())
    host.load_runners(settings.configuration)
    return settings, host


def _chosen(runners: Mapping[str, Runner], names: Sequence[str]) -> dict[str, Runner]:
    """Return the runners that were named, or all that leave something to workers."""
    from stigmer_plugin_engine_temporal._worker import is_of_home  # noqa: PLC0415 - 200 ms

    there = {name: runner for name, runner in runners.items() if not is_of_home(runner)}
    unknown = [name for name in names if name not in there]
    if unknown or not there:
        why = f"there are {', '.join(sorted(there)) or 'none'}"
        if of_home := ", ".join(sorted(set(runners) - set(there))):
            why += f"; the server does all the work of {of_home}"
        fail(ExitCode.USAGE, f"there is no runner {', '.join(unknown)} for workers", why, "stigmer plugin list")
    return {name: runner for name, runner in there.items() if not names or name in names}


def _banner(description: Json, *, token: str | None) -> Iterator[str]:
    """Yield the lines that say what this worker works for, and who can reach it."""
    import sys  # noqa: PLC0415 - for its stderr as it is now

    from stigmer_core.cli.terminal import takes_unicode  # noqa: PLC0415

    dash = "—" if takes_unicode(sys.stderr) else "-"
    yield f"stigmer worker {description['version']} {dash} ready in {description['started_in_seconds']:.2f} s"
    yield f"  server   {description['server']}"
    yield f"  Temporal {description['temporal']}  (namespace {description['namespace']})"
    yield f"  runners  {', '.join(description['runners'])}"
    for address in description["grpc"]:
        is_socket = address.startswith("unix:")
        access = "no token: only who may open the file" if is_socket else "the server's token" if token else "no token"
        yield f"  gRPC     {address}  ({access})"
    yield "  next     Ctrl-C to finish what is under way and stop"
