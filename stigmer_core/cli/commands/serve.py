"""`stigmer serve`: the server in the foreground, and what it says of itself."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import click

from stigmer_core.cli.catalog import load_catalog
from stigmer_core.cli.session import Session, pass_session
from stigmer_core.cli.terminal import printable, takes_unicode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stigmer_core.app import App
    from stigmer_core.plugins import PluginReport

_LEVELS = ["debug", "info", "warning", "error"]


class _Serve(click.Command):
    """The command, with a flag for each setting of a plugin."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the flags, those of plugins last."""
        return [*super().get_params(ctx), *ctx.meta.setdefault(f"{__name__}.flags", list(_plugin_flags(ctx)))]


def _plugin_flags(context: click.Context) -> Iterator[click.Parameter]:
    from stigmer_core.errors import StigmerError  # noqa: PLC0415 - 2 ms

    session = context.find_object(Session) or Session()
    try:
        settings = load_catalog(session.home).settings
    except StigmerError:  # settings that are no good: the server says it better
        return
    for one in settings:
        yield click.Option([f"--{one.name.replace('_', '-')}", one.name], metavar=one.metavar, help=one.help)


@click.command(cls=_Serve, short_help="Run the server until Ctrl-C.")
@click.option(
    "--listen", multiple=True, metavar="ADDRESS", help="unix:/path or host:port, 0 takes a free port; repeatable."
)
@click.option("--http", metavar="ADDRESS", help="Where health, metrics and uploads are; empty for nowhere.")
@click.option("--engine", metavar="NAME", help="What drives runs: local, or one of a plugin.")
@click.option("--auth", type=click.Choice(["token", "none"]), help="What calls over TCP must bring.")
@click.option(
    "--tls-cert", type=click.Path(dir_okay=False), metavar="FILE", help="Certificate chain of TCP listeners, PEM."
)
@click.option("--tls-key", type=click.Path(dir_okay=False), metavar="FILE", help="Its private key, PEM.")
@click.option("--ready-file", type=click.Path(dir_okay=False), metavar="FILE", help="Written when everything answers.")
@click.option("--plugins", multiple=True, metavar="NAME", help="Load only these; repeatable.")
@click.option("--disable-plugin", "disable_plugins", multiple=True, metavar="NAME", help="Leave it out; repeatable.")
@click.option("--strict-plugins", is_flag=True, default=None, help="Do not start when a plugin is broken.")
@click.option(
    "--network-allow", multiple=True, metavar="HOST|CIDR", help="What calls of runs may reach beside public addresses."
)
@click.option("--log-level", type=click.Choice(_LEVELS), help="The least that is logged to stderr.")
@pass_session
def serve(session: Session, /, **flags: Any) -> None:
    """Run the server of a home until Ctrl-C or SIGTERM; the second one ends it at once.

    It answers on a unix socket in the home, which needs no token, and on 127.0.0.1:7234, which does. Every flag has a
    STIGMER_* variable and a key in config.toml: see `stigmer config`.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its own lines would stand before ours, which say more
    from stigmer_core.serving import serve as run_server  # noqa: PLC0415 - imports everything
    from stigmer_core.settings import load_settings  # noqa: PLC0415 - not for help

    given = {name: value for name, value in flags.items() if value not in (None, ())}
    settings = load_settings(home=session.options.get("home"), **given)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True
    )
    code = run_server(settings, lambda app, description: session.note("\n".join(banner(app, description))))
    session.note("stopped")
    if code:
        raise click.exceptions.Exit(code)


def banner(app: App, description: Any) -> Iterator[str]:
    """Yield the lines that say where the data is, who can reach it, what is loaded, and what to do next."""
    import sys  # noqa: PLC0415 - for its stderr as it is now

    dash, arrow = ("—", "→") if takes_unicode(sys.stderr) else ("-", "->")
    yield f"stigmer {description['version']} {dash} ready in {description['started_in_seconds']:.2f} s"
    for address in description["grpc"]:
        yield f"  gRPC     {address}  ({_access(app, address)})"
    if description["http"]:
        yield f"  HTTP     http://{description['http']}"
    yield f"  data     {app.home.database}  (persistent)"
    yield f"  engine   {_engine(app)}"
    yield f"  plugins  {_plugins(app.host.reports, arrow)}"
    yield "  next     stigmer apply -f FILE                    Ctrl-C to stop"


def _access(app: App, address: str) -> str:
    if address.startswith("unix:"):
        return "no token: only who may open the file"
    if app.settings.auth == "none":
        return "no authentication"
    return "TLS, token" if app.settings.tls_cert else "token: stigmer token"


def _engine(app: App) -> str:
    if app.engine is None:
        return f"none: no plugin has {app.settings.engine!r}, runs are refused"
    return app.engine.name if app.engine_is_ready() else f"{app.engine.name}: not there yet, new runs are refused"


def _plugins(reports: list[PluginReport], arrow: str) -> str:
    loaded = sum(1 for report in reports if report.state == "loaded")
    broken = [report for report in reports if report.state not in ("loaded", "disabled")]
    text = f"{loaded} loaded"
    if broken:
        causes = "; ".join(f"{report.name} ({printable(report.reason)})" for report in broken)
        text += f", {len(broken)} failed: {causes}  {arrow} stigmer plugin info {broken[0].name}"
    return text
