"""Loading the plugins to learn what they add to the command line."""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import TYPE_CHECKING

from stigmer_core.cli.catalog import BrokenPlugin, Catalog, PluginCommand, SettingEntry
from stigmer_core.cli.remote_documents import kind_entries
from stigmer_core.plugins import PluginHost
from stigmer_core.resources.documents import kind_infos
from stigmer_core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stigmer_core.plugins import PluginReport


def load_plugins(home: Path) -> PluginHost:
    """Return a host whose plugins are loaded and asked for kinds and commands, nothing more.

    Raises:
        InvalidArgumentError: the settings are no good.
    """
    settings = load_settings(home=str(home))
    host = PluginHost(disabled=settings.disable_plugins, only=settings.plugins)
    host.load()
    return host


def scan_plugins(home: Path) -> Catalog:
    """Return what the plugins add.

    Raises:
        InvalidArgumentError: the settings are no good.
    """
    host = load_plugins(home)
    commands = {name: _command(target) for name, target in sorted(host.commands().items())}
    return Catalog(
        kind_entries(kind_infos(host.kinds.values(), host.plugin_of)),
        commands,
        broken_plugins(host.reports),
        [SettingEntry(one.name, one.help, one.metavar) for one in host.settings() if not one.secret],
    )


def broken_plugins(reports: Sequence[PluginReport]) -> list[BrokenPlugin]:
    """Return the plugins that are neither loaded nor switched off."""
    failed = [report for report in reports if report.state not in ("loaded", "disabled")]
    return [BrokenPlugin(report.name, report.state, report.reason, report.remedy) for report in failed]


def _command(declared: str) -> PluginCommand:
    target, _, text = declared.partition("|")
    return PluginCommand(target, text.strip(), _cause(target))


def _cause(target: str) -> str:
    module, _, attribute = target.partition(":")
    try:
        with contextlib.redirect_stdout(sys.stderr):
            getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge: a broken command must not break the others
        return f"{type(error).__name__}: {error}".split("\n", maxsplit=1)[0]
    return ""
