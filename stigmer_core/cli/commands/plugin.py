"""`stigmer plugin`: which plugins there are, what each adds, and why one is not loaded."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import click

from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import fail
from stigmer_core.cli.output import write
from stigmer_core.cli.session import Session, pass_session
from stigmer_core.cli.tables import Table
from stigmer_core.cli.terminal import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.plugins import PluginReport
    from stigmer_core.program import Json

_LABEL_WIDTH = 14


@click.group(short_help="List plugins and see why one is not loaded.")
def plugin() -> None:
    """Plugins of this installation: Python distributions that add kinds, services, runners and commands."""


@plugin.command("list")
@pass_session
def list_plugins(session: Session) -> None:
    """List the plugins that are installed."""
    reports = _reports(session)
    rows = [[r.name, r.distribution, r.version, r.state, r.reason or ", ".join(_provided(r))] for r in reports]
    data = {"apiVersion": "cli.stigmer/v1", "kind": "PluginList", "items": list(map(_as_json, reports))}
    table = Table(["NAME", "DISTRIBUTION", "VERSION", "STATE", "PROVIDES"], rows)
    session.emit(data, table=table, names=[report.name for report in reports])


@plugin.command("info")
@click.argument("name")
@pass_session
def info(session: Session, name: str) -> None:
    """Show what the plugin NAME adds, or why it is not loaded and what to do about it."""
    reports = {report.name: report for report in _reports(session)}
    if name not in reports:
        near = difflib.get_close_matches(name, list(reports), n=1)
        closest = f"        (closest match: {near[0]})" if near else ""
        fail(ExitCode.NOT_FOUND, f'plugin "{name}" not found', hint=f"stigmer plugin list{closest}")
    report = reports[name]
    if session.output not in ("table", "wide"):
        session.emit(_as_json(report), names=[report.name])
        return
    lines = {
        "Name": report.name,
        "Distribution": f"{report.distribution} {report.version}",
        "State": report.state,
        "Why": report.reason,
        "Try": report.remedy,
    }
    shown = [f"{label + ':':<{_LABEL_WIDTH}}{one_line(value)}" for label, value in lines.items() if value]
    shown += ["Provides:", *(f"  {claim}" for claim in report.provides)] if report.provides else []
    write("\n".join([*shown, printable(report.traceback)]).rstrip() + "\n")


def _reports(session: Session) -> Sequence[PluginReport]:
    from stigmer_core.cli.plugin_scan import load_plugins  # noqa: PLC0415 - 200 ms that help need not pay

    return load_plugins(session.home).reports


def _provided(report: PluginReport) -> list[str]:
    return [claim.replace(" ", "/") for claim in report.provides if not claim.startswith("service ")]


def _as_json(report: PluginReport) -> dict[str, Json]:
    found: dict[str, Json] = {
        "name": report.name,
        "distribution": report.distribution,
        "version": report.version,
        "state": report.state,
        "provides": list(report.provides),
    }
    reasons = {"reason": report.reason, "remedy": report.remedy, "traceback": report.traceback}
    return found | {key: value for key, value in reasons.items() if value}
