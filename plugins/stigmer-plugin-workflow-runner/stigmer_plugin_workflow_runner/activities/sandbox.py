"""What keeps a process of a workflow away from the machine: the best that is there, found out once.

Three tiers. `bubblewrap`: an own root, own processes, no network, and inside of it all of the next. `landlock`: files,
TCP and signals by Landlock, system calls by seccomp, no privileges. `rlimits`: bounds on what a process uses up, and
nothing else; only when the setting `sandbox` says so.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.activities.confine import landlock_abi
from stigmer_plugin_workflow_runner.activities.failures import misconfigured
from stigmer_plugin_workflow_runner.activities.interpreter import interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIMITS = {
    "CPU": 300,  # seconds of one process
    "DATA": 2 * 1024**3,  # bytes of memory of one process; not AS, because node reserves more than it uses
    "FSIZE": 256 * 1024**2,  # bytes of one file
    "NOFILE": 1024,
    "NPROC": 4096,  # processes of the server's user, which are all counted
    "CORE": 0,
}
_PROBE_SECONDS = 10
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store")
_CONFIGURATION = (
    "/etc/alternatives",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
)
_DEVICES_READ = ("/dev/random", "/dev/urandom")
_DEVICES = ("/dev/null", "/dev/zero")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A tier of this machine: the path of bubblewrap and the version of Landlock, where they are there and work."""

    bubblewrap: str
    landlock: int
    network: bool

    @property
    def tier(self) -> str:
        """Return the tier's name."""
        return "bubblewrap" if self.bubblewrap else "landlock" if self.landlock else "rlimits"

    def around(self, argv: Sequence[str], *, readable: Sequence[Path], writable: Path) -> list[str]:
        """Return the command that runs another one in the sandbox.

        Args:
            argv: the command; its program is found on the PATH of its environment.
            readable: files that it reads, beside the system's programs and libraries.
            writable: its working directory.
        """
        interpreters = _interpreters()
        wanted = {
            "limits": LIMITS,
            "landlock": self.landlock,
            "network": self.network,
            "readable": [*_SYSTEM, *_CONFIGURATION, *_DEVICES_READ, *interpreters, *map(str, readable)],
            "writable": [*_DEVICES, str(writable)],
            "argv": list(argv),
        }
        confined = [interpreter(), "-I", "-S", "-B", str(_CONFINE), json.dumps(wanted)]
        if not self.bubblewrap:
            return confined
        own = [*interpreters, str(_CONFINE), *map(str, readable)]
        shared = ["--share-net"] if self.network else []
        return [self.bubblewrap, *_NAMESPACES, *shared, *_mounts(own, writable), "--", *confined]


_CONFINE = Path(__file__).with_name("confine.py")
_NAMESPACES = ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL")


async def probe(setting: str, *, network: bool) -> Sandbox:
    """Return the best sandbox that this machine has and the setting admits.

    Args:
        setting: `auto` is bubblewrap or else Landlock, `required` is bubblewrap, `rlimits` admits that there is none.
        network: whether processes may use the network.

    Raises:
        ActivityError: there is none, as the standard configuration error.
    """
    bubblewrap = await _working_bubblewrap()
    found = Sandbox(bubblewrap, landlock_abi(), network)
    if found.tier == "rlimits" and setting != "rlimits":
        raise misconfigured(
            "processes need a sandbox, and here is neither bubblewrap (bwrap) nor Landlock: install bubblewrap, or "
            'let them run without with the setting sandbox = "rlimits"'
        )
    if setting == "required" and not bubblewrap:
        raise misconfigured(
            'the setting sandbox = "required" asks for bubblewrap, and there is no bwrap that works here'
        )
    return found


async def _working_bubblewrap() -> str:
    path = shutil.which("bwrap")
    if path is None or sys.platform != "linux":
        return ""
    argv = [path, *_NAMESPACES, *_mounts([], None), "--", "true"]
    return path if await succeeds(argv) else ""


async def succeeds(argv: Sequence[str], env: Mapping[str, str] | None = None) -> bool:
    """Return whether a program that answers a question says yes, in time."""
    nothing = subprocess.DEVNULL
    try:
        ended = await asyncio.to_thread(
            subprocess.run,
            argv,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            env=env,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


def _mounts(own: Sequence[str], writable: Path | None) -> list[str]:
    binds = [part for path in (*_SYSTEM, *_CONFIGURATION, *own) for part in ("--ro-bind-try", path, path)]
    work = ["--bind", str(writable), str(writable), "--chdir", str(writable)] if writable is not None else []
    return ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", *binds, *work]  # noqa: S108 - the sandbox's own


def _interpreters() -> list[str]:
    """Return where Python and node are, when they are not where the system's programs are."""
    places = [sys.base_prefix]
    node = shutil.which("node")
    if node is not None:
        places.append(str(Path(node).resolve().parent.parent))
    return [place for place in places if place not in ("/", "/usr") and Path(place).is_absolute()]


__all__ = ["LIMITS", "Sandbox", "probe", "succeeds"]
