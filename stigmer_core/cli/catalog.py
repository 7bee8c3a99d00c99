"""What the installed plugins add to the command line, remembered between commands.

Loading plugins costs 200 ms, reading this file less than one. It is made again whenever an installation, a plugin's
code, a plugin switch or `config.toml` has changed.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from stigmer_core.cli.places import cache_directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_VERSION = 2
_SWITCHES = ("STIGMER_PLUGINS", "STIGMER_DISABLE_PLUGINS")
_FILE = "registry.json"


class KindEntry(NamedTuple):
    """A kind as the command line needs it: stigmer.core.v1.KindInfo."""

    name: str
    plural: str
    short_names: Sequence[str] = ()
    id_prefix: str = ""
    api_version: str = ""
    org_scoped: bool = False
    verbs: Sequence[str] = ()
    columns: Sequence[tuple[str, str, bool]] = ()  # name, path, whether only wide tables show it
    plugin: str = ""
    description: str = ""
    message: str = ""
    available: bool = True

    def words(self) -> tuple[str, ...]:
        """Return what the kind is called on the command line."""
        return (self.name.lower(), self.plural, *self.short_names)


class PluginCommand(NamedTuple):
    """A command of a plugin: `target` is `module:attribute`, `broken` says why it cannot be imported."""

    target: str
    help: str
    broken: str = ""


class SettingEntry(NamedTuple):
    """A setting of a plugin that `serve` has a flag for."""

    name: str
    help: str
    metavar: str


class BrokenPlugin(NamedTuple):
    """A plugin that is not loaded though nobody switched it off."""

    name: str
    state: str
    reason: str
    remedy: str


class Catalog(NamedTuple):
    """Kinds in the order their documents are applied, commands by name, the plugins that failed, and settings."""

    kinds: Sequence[KindEntry] = ()
    commands: dict[str, PluginCommand] = {}  # noqa: RUF012 - a NamedTuple's default, never changed
    broken: Sequence[BrokenPlugin] = ()
    settings: Sequence[SettingEntry] = ()


def load_catalog(home: Path) -> Catalog:
    """Return the catalog, from a file or by loading the plugins.

    Raises:
        StigmerError: the settings that say which plugins to load are no good.
    """
    mark = fingerprint(home)
    for file in _files(home):
        catalog = _read(file, mark)
        if catalog is not None:
            return catalog
    from stigmer_core.cli.plugin_scan import scan_plugins  # noqa: PLC0415 - 200 ms

    catalog = scan_plugins(home)
    if not catalog.broken and not any(command.broken for command in catalog.commands.values()):
        _remember(home, mark, catalog)  # what is broken is looked at anew: its cure may leave no mark
    return catalog


def cached_catalog(home: Path) -> Catalog | None:
    """Return the catalog when a file has it: what completion may wait for."""
    mark = fingerprint(home)
    return next((catalog for file in _files(home) if (catalog := _read(file, mark)) is not None), None)


def fingerprint(home: Path) -> str:
    """Return what changes whenever the catalog may: installations, switches, the code of editable plugins."""
    parts = [str(_VERSION), sys.version, *(f"{name}={os.environ.get(name, '')}" for name in _SWITCHES)]
    parts.append(_stamp(home / "config.toml"))
    for folder in dict.fromkeys(sys.path):
        parts += _installations(folder)
    return "\n".join(parts)


def _installations(folder: str) -> Iterable[str]:
    try:
        with os.scandir(folder or ".") as entries:
            found = sorted(
                (entry.name, entry.path, entry.stat().st_mtime_ns)
                for entry in entries
                if entry.name.startswith("stigmer") and entry.name.endswith((".dist-info", ".egg-info"))
            )
            # Its own time tells of plugins under other names, and of the modules that a broken one misses.
            changed = os.stat(folder or ".").st_mtime_ns  # noqa: PTH116 - a Path costs ten times as much
    except OSError:
        return []
    if not found:
        return []
    lines = [f"{folder} {changed}"]
    for name, path, modified in found:
        lines += [f"{name} {modified}", *_editable_code(path)]
    return lines


def _editable_code(installation: str) -> Iterable[str]:
    """Return the times of the modules of an editable installation, which change without an installer."""
    try:
        with open(f"{installation}/direct_url.json", encoding="utf-8") as file:  # noqa: PTH123 - see above
            origin = json.load(file)
        if not origin["dir_info"]["editable"]:
            return []
        source = origin["url"].removeprefix("file://")
        packages = [entry.path for entry in os.scandir(source) if entry.name.startswith("stigmer_plugin_")]
        return [f"{package} {max(_modified(package), default=0)}" for package in sorted(packages)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _modified(package: str) -> Iterable[int]:
    return (entry.stat().st_mtime_ns for entry in os.scandir(package) if entry.name.endswith(".py"))


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return f"{path} absent"
    return f"{path} {status.st_mtime_ns} {status.st_size}"


def _files(home: Path) -> list[Path]:
    return [home / "cache" / _FILE, cache_directory() / _FILE]


def _read(file: Path, mark: str) -> Catalog | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["fingerprint"] != mark:
            return None
        return Catalog(
            [KindEntry(*kind) for kind in content["kinds"]],
            {name: PluginCommand(*command) for name, command in content["commands"].items()},
            [BrokenPlugin(*plugin) for plugin in content["broken"]],
            [SettingEntry(*setting) for setting in content["settings"]],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(home: Path, mark: str, catalog: Catalog) -> None:
    content: dict[str, Any] = {"fingerprint": mark, **catalog._asdict()}
    text = json.dumps(content)
    for file in _files(home)[0 if home.is_dir() else 1 :]:
        partial = file.with_name(f"{file.name}.{os.getpid()}")
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial.write_text(text, encoding="utf-8")
            partial.replace(file)
        except OSError:
            continue
        return
