"""Calls to a server, or to an installation in this process, with errors that a person can act on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import Failure, fail, from_status

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its own log lines would mix with a command's messages

import grpc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from google.protobuf.message import Message

M = TypeVar("M", bound="Message")

CALL_SECONDS = 30.0
_LOOPBACK = ("unix:", "127.", "localhost:", "[::1]:")
_OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0))


class Connection:
    """A channel and how to use it; `address` is empty for an installation in this process."""

    def __init__(self, channel: grpc.Channel, *, address: str = "", metadata: Sequence[tuple[str, str]] = ()) -> None:
        self.channel = channel
        self.address = address
        self._metadata = tuple(metadata)

    def call(self, path: str, request: Message, response_type: type[M], *, seconds: float | None = CALL_SECONDS) -> M:
        """Call a unary method by its path, `/package.Service/rpc`.

        Raises:
            Failure: `status` has the gRPC status.
        """
        method = self.channel.unary_unary(
            path, request_serializer=type(request).SerializeToString, response_deserializer=response_type.FromString
        )
        try:
            response: M = method(request, timeout=seconds, metadata=self._metadata or None)
        except grpc.RpcError as error:
            raise self._failure(error) from error
        return response

    def stream(
        self, path: str, request: Message, response_type: type[M], *, seconds: float | None = None
    ) -> Iterator[M]:
        """Yield what a streaming method answers; leaving the loop cancels the call.

        Raises:
            Failure: `status` has the gRPC status.
        """
        method = self.channel.unary_stream(
            path, request_serializer=type(request).SerializeToString, response_deserializer=response_type.FromString
        )
        call = method(request, timeout=seconds, metadata=self._metadata or None)
        try:
            yield from call
        except grpc.RpcError as error:
            raise self._failure(error) from error
        finally:
            call.cancel()

    def close(self) -> None:
        """Give the channel up."""
        self.channel.close()

    def _failure(self, error: Any) -> Failure:
        code, details = error.code(), error.details() or ""
        status = code.name if code is not None else "UNKNOWN"
        if status == "UNAVAILABLE" and self.address:
            failure = from_status(status, f"no server answers at {self.address}")
            failure.why = details
            return failure
        if status == "DEADLINE_EXCEEDED":
            return from_status(status, f"no answer within {CALL_SECONDS:.0f} s", hint="stigmer status")
        return from_status(status, details or status.lower().replace("_", " "))


class Target(NamedTuple):
    """Where a server is: as gRPC names it, with the credentials of the channel, None without TLS, and of the calls."""

    name: str
    credentials: grpc.ChannelCredentials | None
    metadata: Sequence[tuple[str, str]]


def target_of(address: str, home: Path, *, token: str = "") -> Target:
    """Return how to reach `unix:/path`, `host:port`, or `https://host:port` for TLS.

    The token is the one given, or `STIGMER_TOKEN`, or that of the home where the address is on this machine.
    `STIGMER_TLS_CA` names a file of certificates to trust instead of the system's.

    Raises:
        Failure: the address cannot be one.
    """
    target, secure = _target(address)
    credentials = grpc.ssl_channel_credentials(_trusted()) if secure else None
    return Target(target, credentials, () if target.startswith("unix:") else _credentials(target, home, token))


def connect(address: str, home: Path) -> Connection:
    """Return a connection to an address, as `target_of` has it.

    Raises:
        Failure: the address cannot be one.
    """
    target = target_of(address, home)
    if target.credentials is None:
        channel = grpc.insecure_channel(target.name, options=_OPTIONS)
    else:
        channel = grpc.secure_channel(target.name, target.credentials, options=_OPTIONS)
    return Connection(channel, address=address, metadata=target.metadata)


def _target(address: str) -> tuple[str, bool]:
    secure = address.startswith(("https://", "grpcs://"))
    target = address.split("://", 1)[1].rstrip("/") if "://" in address else address
    if target.startswith("unix:"):
        return target, False
    host, _, port = target.rpartition(":")
    if not host or not port.isdigit():
        fail(ExitCode.USAGE, f"{address!r} is no server address", hint="unix:/path, host:port or https://host:port")
    return target, secure


def _credentials(target: str, home: Path, given: str) -> Sequence[tuple[str, str]]:
    token = given or os.environ.get("STIGMER_TOKEN", "")
    if not token and target.startswith(_LOOPBACK):
        try:
            token = (home / "token").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            token = ""
    return (("authorization", f"Bearer {token}"),) if token else ()


def _trusted() -> bytes | None:
    file = os.environ.get("STIGMER_TLS_CA")
    if not file:
        return None
    try:
        return Path(file).read_bytes()
    except OSError as error:
        fail(ExitCode.USAGE, f"STIGMER_TLS_CA names {file}, which cannot be read: {error.strerror}")
