"""Where things are on this machine: the home, the caches, the server that owns the home."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

SERVER_FILE = "server.json"


class Server(NamedTuple):
    """A server as its `server.json` describes it; `address` is the one that this machine reaches best."""

    address: str
    description: dict[str, Any]


def home_directory(flag: str | None) -> Path:
    """Return the home that a command works with, as the server's settings find it."""
    chosen = flag or os.environ.get("STIGMER_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform.startswith("linux"):  # what platformdirs says there, without the 10 ms of asking it
        data = os.environ.get("XDG_DATA_HOME", "")
        return Path((data.strip() and data) or Path.home() / ".local" / "share") / "stigmer"
    from stigmer_core.settings import default_home  # noqa: PLC0415 - imports platformdirs

    return default_home()


def cache_directory() -> Path:
    """Return the directory for what can be made again, when there is no home yet."""
    if sys.platform.startswith("linux"):
        cache = os.environ.get("XDG_CACHE_HOME", "")
        return Path((cache.strip() and cache) or Path.home() / ".cache") / "stigmer"
    import platformdirs  # noqa: PLC0415 - 10 ms

    return Path(platformdirs.user_cache_dir("stigmer", appauthor=False))


def running_server(home: Path) -> Server | None:
    """Return the server that owns a home and answers, or None: a `server.json` may outlive its server."""
    description = server_description(home)
    if description is None:
        return None
    addresses = [str(address) for address in description.get("grpc", [])]
    addresses.sort(key=lambda address: not address.startswith("unix:"))
    return next((Server(address, description) for address in addresses if _accepts(address)), None)


def server_description(home: Path) -> dict[str, Any] | None:
    """Return what `server.json` says, or None when there is none that can be read."""
    try:
        description = json.loads((home / SERVER_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return description if isinstance(description, dict) else None


def _accepts(address: str) -> bool:
    """Return whether something listens; a connection refused is a server that died."""
    import socket  # noqa: PLC0415 - only when there is a server.json

    try:
        if address.startswith("unix:"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(1)
                connection.connect(address.removeprefix("unix:"))
        else:
            host, _, port = address.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except (OSError, ValueError):
        return False
    return True
