"""Where gRPC connects to: addresses that were checked, so that a name which changes its address gains nothing."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from stigmer_plugin_workflow_runner.activities.addresses import ForbiddenAddressError
from stigmer_plugin_workflow_runner.activities.failures import failed, misconfigured

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.activities.addresses import AddressPolicy

LARGEST = 10 * 1024 * 1024  # bytes of a message
HIGHEST_PORT = 65535
TLS_PORTS = (443, 8443)  # the DSL has no field for it: what listens on these speaks TLS, anything else does not


@dataclass(frozen=True, slots=True)
class Target:
    """A server: its name, its port, and its checked addresses as gRPC writes them."""

    host: str
    port: int
    addresses: str

    @property
    def name(self) -> str:
        """Return the name and the port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def channel(self, *, roots: bytes | None = None) -> grpc.aio.Channel:
        """Return a new channel; the server's certificate is checked against its name.

        Args:
            roots: certificates of the authorities that are trusted, in PEM; None for the usual ones.
        """
        options = [
            ("grpc.default_authority", self.name),
            ("grpc.ssl_target_name_override", self.host),
            ("grpc.enable_http_proxy", 0),  # a proxy of the environment would connect to addresses nobody has checked
            ("grpc.enable_retries", 0),  # a call is repeated when the document says so
            ("grpc.service_config_disable_resolution", 1),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_receive_message_length", LARGEST),
        ]
        if self.port in TLS_PORTS:
            credentials = grpc.ssl_channel_credentials(root_certificates=roots)
            return grpc.aio.secure_channel(self.addresses, credentials, options)
        return grpc.aio.insecure_channel(self.addresses, options)


async def target_of(service: Json, policy: AddressPolicy) -> Target:
    """Return where a service is.

    Raises:
        ActivityError: the standard configuration error: there can be no such host, or it must not be reached; the
            communication error when its name cannot be resolved.
    """
    host, port = service.get("host"), service.get("port") or TLS_PORTS[0]
    if not isinstance(host, str) or not host:
        raise misconfigured("the host of the service is not a text")
    host = host.strip("[]")
    if isinstance(port, str) and port.isdecimal():
        port = int(port)
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port <= HIGHEST_PORT:
        raise misconfigured(f"{port!r} is no port")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise failed(500, f"{host} cannot be resolved: {error}", retryable=True) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    try:
        for address in addresses:
            policy.check(host, address)
    except ForbiddenAddressError as error:
        raise misconfigured(str(error)) from error
    return Target(host, port, _written(addresses, port))


def _written(addresses: list[str], port: int) -> str:
    """Return addresses as one target of gRPC, which takes those of one family: version 4 where there are any."""
    four = [address for address in addresses if ipaddress.ip_address(address.partition("%")[0]).version == 4]  # noqa: PLR2004
    if four:
        return "ipv4:" + ",".join(f"{address}:{port}" for address in four)
    return "ipv6:" + ",".join(f"[{address}]:{port}" for address in addresses)
