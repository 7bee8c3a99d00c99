"""`stigmer config`: every setting, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stigmer_core.cli.session import Session, pass_session
from stigmer_core.cli.tables import Table, cell

if TYPE_CHECKING:
    from stigmer_core.settings import Settings


@click.command(short_help="Show every setting and where it comes from.")
@pass_session
def config(session: Session) -> None:
    """Show every setting of the server with its value and where that comes from.

    A flag of `serve` goes before a STIGMER_* variable, that before config.toml in the home, that before the default.
    """
    from stigmer_core.cli.plugin_scan import load_plugins  # noqa: PLC0415 - 200 ms
    from stigmer_core.settings import load_settings, with_plugin_settings  # noqa: PLC0415 - not for help

    settings = load_settings(home=session.options.get("home"))
    settings = with_plugin_settings(settings, load_plugins(settings.home).settings())
    secret = {one.name for one in settings.declared if one.secret}
    values = {name: _value(settings, name) for name in ("home", *(one for one in settings.origins if one != "home"))}
    values |= {name: "***" for name in secret if values[name]}
    shown = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    shown["home"] = str(settings.home)
    shown["listen"] = list(settings.addresses)
    items = [{"name": name, "value": value, "origin": settings.origins[name]} for name, value in shown.items()]
    rows = [[name, cell(value), settings.origins[name]] for name, value in shown.items()]
    data = {"apiVersion": "cli.stigmer/v1", "kind": "SettingList", "items": items}
    session.emit(data, table=Table(["SETTING", "VALUE", "ORIGIN"], rows), names=list(shown))


def _value(settings: Settings, name: str) -> Any:
    for one in settings.declared:
        if one.name == name:
            return settings.tables[one.table][one.key]
    return getattr(settings, name)
