"""The settings of a server and where each comes from: flag, `STIGMER_*` variable, `config.toml`, default."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stigmer_core.program import Json

CONFIG_FILE = "config.toml"
SANDBOXES = ("auto", "required", "rlimits")
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that a plugin adds, a text: `--table-key`, `STIGMER_TABLE_KEY`, and `key` in `[table]` of config.toml.

    A secret one has no flag, for arguments are seen by everybody, and is not shown.
    """

    table: str
    key: str
    help: str
    metavar: str = "TEXT"
    secret: bool = False

    @property
    def name(self) -> str:
        """Return what it is called beside the settings of the core."""
        return f"{self.table}_{self.key}"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a server needs to know. `origins` names the source of each value."""

    home: Path
    listen: tuple[str, ...] = ()  # empty: the unix socket of the home, and 127.0.0.1:7234
    http: str = "127.0.0.1:7235"  # empty: no HTTP host
    engine: str = "local"
    auth: str = "token"
    tls_cert: str = ""
    tls_key: str = ""
    ready_file: str = ""
    strict_plugins: bool = False
    plugins: tuple[str, ...] = ()  # when not empty, only these
    disable_plugins: tuple[str, ...] = ()
    network_allow: tuple[str, ...] = ()  # hosts and CIDRs that workflow calls may reach beside public addresses
    sandbox: str = "auto"  # for processes of runs: bubblewrap, else Landlock; required: the first; rlimits: neither
    log_level: str = "warning"
    tables: Mapping[str, Json] = ()  # type: ignore[assignment]  # of config.toml that are plugins' own, by name
    flags: Mapping[str, str] = field(default_factory=dict)  # that the core does not know: those of plugins
    declared: tuple[Setting, ...] = ()  # by plugins; their values are in `tables`
    origins: Mapping[str, str] = ()  # type: ignore[assignment]

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the gRPC server listens."""
        return self.listen or (f"unix:{self.home / 'api.sock'}", "127.0.0.1:7234")

    @property
    def configuration(self) -> dict[str, Json]:
        """What plugins see of the settings, beside the tables of `config.toml` that are theirs."""
        network = {"allow": list(self.network_allow)}
        return {**dict(self.tables), "network": network, "auth": self.auth, "sandbox": self.sandbox}


_FILE_KEYS = {
    "network_allow": ("network", "allow"),
    "plugins": ("plugins", "only"),
    "disable_plugins": ("plugins", "disable"),
}
_NOT_SET = ("home", "tables", "flags", "declared", "origins", "ready_file")
_SETTABLE = tuple(one.name for one in fields(Settings) if one.name not in _NOT_SET)


def default_home() -> Path:
    """Return the directory that holds everything when none is named."""
    import platformdirs  # noqa: PLC0415 - 20 ms that a command with --home does not pay

    return Path(platformdirs.user_data_dir("stigmer", appauthor=False))


def load_settings(**flags: Any) -> Settings:
    """Return the settings; a flag that is None was not given.

    Raises:
        InvalidArgumentError: a variable or `config.toml` has a value that cannot be right; names it and the way out.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    home, origin = _home(given.pop("home", None))
    values: dict[str, Any] = {}
    origins = {"home": origin}
    file = _read_file(home / CONFIG_FILE)
    for name in _SETTABLE:
        values[name], origins[name] = _value(name, given, file, home)
    own = {part[0] for part in _FILE_KEYS.values()}
    values["tables"] = {name: table for name, table in file.items() if isinstance(table, dict) and name not in own}
    if "ready_file" in given:
        values["ready_file"] = given["ready_file"]
    values["flags"] = {name: value for name, value in given.items() if name not in values}
    settings = Settings(home=home, **{name: value for name, value in values.items() if value is not None})
    _check(settings)
    return replace(settings, origins={name: origins.get(name, "default") for name in (*_SETTABLE, "home")})


def with_plugin_settings(settings: Settings, declared: Sequence[Setting]) -> Settings:
    """Return the settings with those that plugins declare.

    Raises:
        InvalidArgumentError: one has a value that cannot be right, or there is a flag that nobody declares.
    """
    unknown = sorted(set(settings.flags) - {one.name for one in declared})
    if unknown:
        raise InvalidArgumentError(f"there is no setting {unknown[0]}: `stigmer config` shows those there are")
    tables, origins = dict(settings.tables), dict(settings.origins)
    for one in declared:
        value, origins[one.name] = _plugin_value(one, settings)
        tables[one.table] = {**tables.get(one.table, {}), one.key: value}
    return replace(settings, tables=tables, declared=tuple(declared), origins=origins)


def _plugin_value(one: Setting, settings: Settings) -> tuple[str, str]:
    variable, path = f"STIGMER_{one.name.upper()}", settings.home / CONFIG_FILE
    table = dict(settings.tables).get(one.table, {})
    if one.name in settings.flags:
        return settings.flags[one.name], "flag"
    if variable in os.environ:
        return os.environ[variable], variable
    value = table.get(one.key, "")
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{one.key} in [{one.table}] of {path} must be text, this is {value!r}")
    return value, str(path) if one.key in table else "default"


def _home(flag: Any) -> tuple[Path, str]:
    if flag:
        return Path(flag).expanduser().absolute(), "flag"
    if os.environ.get("STIGMER_HOME"):
        return Path(os.environ["STIGMER_HOME"]).expanduser().absolute(), "STIGMER_HOME"
    return default_home(), "default"


def _value(name: str, flags: Mapping[str, Any], file: Mapping[str, Json], home: Path) -> tuple[Any, str]:
    if name in flags:
        return _typed(name, flags[name], f"--{name.replace('_', '-')}"), "flag"
    variable = f"STIGMER_{name.upper()}"
    if variable in os.environ:
        return _typed(name, os.environ[variable], variable), variable
    value: Any = file
    for key in _FILE_KEYS.get(name, (name,)):
        value = value.get(key) if isinstance(value, dict) else None
    if value is not None:
        return _typed(name, value, f"{name} in {home / CONFIG_FILE}"), str(home / CONFIG_FILE)
    return None, "default"


def _typed(name: str, value: Any, source: str) -> Any:
    default = next(one.default for one in fields(Settings) if one.name == name)
    if isinstance(default, tuple):
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
            raise InvalidArgumentError(f"{source} must be a list of texts, this is {value!r}")
        return tuple(part.strip() for part in parts if part.strip())
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
        if str(value).lower() not in _TRUE | _FALSE:
            raise InvalidArgumentError(f"{source} must be true or false, this is {value!r}")
        return str(value).lower() in _TRUE
    if not isinstance(value, (str, Path)):
        raise InvalidArgumentError(f"{source} must be text, this is {value!r}")
    return str(value)


def _read_file(path: Path) -> dict[str, Json]:
    import tomllib  # noqa: PLC0415 - only when there is a file

    try:
        file = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidArgumentError(f"{path} cannot be read: {error}; mend it or move it away") from error
    known = [name for name in _SETTABLE if name not in _FILE_KEYS]
    for key, value in file.items():
        if key not in known and not isinstance(value, dict):
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known settings: {', '.join(known)}"
            raise InvalidArgumentError(f"{path} has an unknown setting {key}: {hint}")
    return file


def _check(settings: Settings) -> None:
    if settings.auth not in ("token", "none"):
        raise InvalidArgumentError(f"auth must be token or none, this is {settings.auth!r}")
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise InvalidArgumentError("--tls-cert and --tls-key belong together: give both or none")
    if settings.sandbox not in SANDBOXES:
        raise InvalidArgumentError(f"sandbox must be auto, required or rlimits, this is {settings.sandbox!r}")
    if settings.log_level.lower() not in ("debug", "info", "warning", "error"):
        raise InvalidArgumentError(f"log_level must be debug, info, warning or error, this is {settings.log_level!r}")
