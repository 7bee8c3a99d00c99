"""Addresses to listen on: how they are written, which are refused, and how a port or a socket file is taken."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from stigmer_core.errors import InvalidArgumentError, UnavailableError

MAX_SOCKET_PATH_BYTES = 107 if hasattr(socket, "SO_PEERCRED") else 103  # sun_path of Linux and of BSD, without its NUL


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A unix socket; only who may open its file gets in."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A TCP port; 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def is_loopback(self) -> bool:
        """Return whether only this machine reaches the address; a name counts when all it stands for does."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM) if self.host else []
        except OSError:
            return False
        return bool(found) and all(ipaddress.ip_address(entry[4][0].split("%")[0]).is_loopback for entry in found)  # type: ignore[union-attr]


Address: TypeAlias = UnixAddress | TcpAddress


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate chain and private key of TCP listeners, as PEM files."""

    certificate: Path
    key: Path


def parse_address(text: str) -> Address:
    """Return the address that `unix:/path`, `host:port`, `127.0.0.1:7234` or `[::1]:0` names.

    Raises:
        InvalidArgumentError: it names none, or the path is too long for a socket.
    """
    if text.startswith("unix:"):
        return _unix_address(text.removeprefix("unix:"))
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the last port
        raise InvalidArgumentError(f"{text!r} is no address: write unix:/path, host:port or [ipv6]:port")
    if host.startswith("[") and host.endswith("]"):
        return TcpAddress(host[1:-1], int(port))
    if ":" in host:
        raise InvalidArgumentError(f"{text!r} is no address: an IPv6 address goes in brackets, [::1]:7234")
    return TcpAddress(host, int(port))


def check_exposure(address: Address, *, authenticated: bool, tls: bool) -> None:
    """Refuse an address that other machines reach, unless callers authenticate over TLS.

    Raises:
        InvalidArgumentError: it is exposed.
    """
    if isinstance(address, UnixAddress) or (authenticated and tls) or address.is_loopback():
        return
    missing = [word for word, there in (("token authentication", authenticated), ("TLS", tls)) if not there]
    text = f"{address} is reachable from other machines and is refused without {' and '.join(missing)}"
    raise InvalidArgumentError(text)


def take_socket_path(address: UnixAddress) -> None:
    """Make the way free for a socket: its directory (0700 when new), and no stale file.

    Raises:
        UnavailableError: a server answers on it, or it is not ours to replace.
    """
    path = address.path
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.path.lexists(path):
            return
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise UnavailableError(f"{path} exists and is not a socket: it is left as it is")
        if _answers(path):
            raise UnavailableError(f"{address} is in use: a server answers on it")
        path.unlink()
    except OSError as error:
        raise UnavailableError(f"cannot listen on {address}: {error.strerror or error}") from error


def why_not_bound(address: TcpAddress) -> UnavailableError:
    """Return why the address could not be taken: gRPC does not say, so the bind is tried again."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
            probe.listen(1)
    except OSError as error:
        return _not_bound(address, error)
    return UnavailableError(f"cannot listen on {address}: it is in use by another process")


def _not_bound(address: TcpAddress, error: OSError) -> UnavailableError:
    advice = "; port 0 takes a free one" if error.errno == errno.EADDRINUSE else ""
    return UnavailableError(f"cannot listen on {address}: {error.strerror or error}{advice}")


def bind_tcp(address: TcpAddress) -> socket.socket:
    """Return a bound socket, for servers that take one.

    Raises:
        UnavailableError: the port is taken or not allowed.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise _not_bound(address, error) from error
    listener.setblocking(False)  # noqa: FBT003 - the socket's own signature
    return listener


def _unix_address(text: str) -> UnixAddress:
    path = Path(text.removeprefix("//")).absolute()
    if not text.strip("/"):
        raise InvalidArgumentError("unix: needs the path of a socket, as in unix:/run/stigmer/api.sock")
    if (length := len(os.fsencode(path))) > MAX_SOCKET_PATH_BYTES:
        text = f"the socket path {path} has {length} bytes, more than the {MAX_SOCKET_PATH_BYTES} a socket can have"
        raise InvalidArgumentError(f"{text}: choose a shorter home or --listen unix:/shorter/path")
    return UnixAddress(path)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            return False
        except TimeoutError:  # its queue is full: somebody is there
            return True
    return True
