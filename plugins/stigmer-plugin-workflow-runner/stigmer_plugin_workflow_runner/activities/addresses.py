"""Which addresses a workflow may reach.

A document may come from anybody, and the server stands inside a network: without a rule, a workflow could read the
cloud's metadata service or whatever listens on this machine.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class ForbiddenAddressError(Exception):
    """The address must not be reached."""


class AddressPolicy:
    """Public addresses may be reached, others only when they are allowed; link-local ones and metadata never.

    Args:
        allow: host names, addresses and networks in CIDR notation.
    """

    def __init__(self, allow: Sequence[str] = ()) -> None:
        self._hosts: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for entry in allow:
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                self._hosts.add(entry.lower())

    def check(self, host: str, address: str) -> None:
        """Check one address that a host name stands for.

        Raises:
            ForbiddenAddressError: it must not be reached.
        """
        parsed = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
        if parsed in _METADATA or parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified:
            raise ForbiddenAddressError(f"{_named(host, address)} an address that no workflow may reach")
        if parsed.is_global or host.lower() in self._hosts or any(parsed in network for network in self._networks):
            return
        raise ForbiddenAddressError(f"{_named(host, address)} a private address that 'network.allow' does not name")


def _named(host: str, address: str) -> str:
    return f"{host} is" if host == address else f"{host} stands for {address},"


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
