"""The command line: `stigmer`. The only package that prints or exits.

What a plugin's commands use is here; names are imported when they are first used, so that `--help` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from stigmer_core.cli.connection import Connection, Target, target_of
    from stigmer_core.cli.exits import ExitCode
    from stigmer_core.cli.failure import Failure, fail
    from stigmer_core.cli.global_options import global_options
    from stigmer_core.cli.manifests import Manifest, ManifestError, read_manifests
    from stigmer_core.cli.output import json_line, render
    from stigmer_core.cli.resuming import resumed
    from stigmer_core.cli.session import Session, pass_session
    from stigmer_core.cli.tables import Table

_MODULES = {
    "Connection": "connection",
    "ExitCode": "exits",
    "Failure": "failure",
    "Manifest": "manifests",
    "ManifestError": "manifests",
    "Session": "session",
    "Table": "tables",
    "Target": "connection",
    "fail": "failure",
    "global_options": "global_options",
    "json_line": "output",
    "pass_session": "session",
    "read_manifests": "manifests",
    "render": "output",
    "resumed": "resuming",
    "target_of": "connection",
}

__all__ = [
    "Connection",
    "ExitCode",
    "Failure",
    "Manifest",
    "ManifestError",
    "Session",
    "Table",
    "Target",
    "fail",
    "global_options",
    "json_line",
    "main",
    "pass_session",
    "read_manifests",
    "render",
    "resumed",
    "target_of",
]


def main() -> NoReturn:
    """Run `stigmer` with this process's arguments, and leave with its exit code."""
    try:
        from stigmer_core.cli import entry  # noqa: PLC0415 - Ctrl-C may come while this is imported

        entry.main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
