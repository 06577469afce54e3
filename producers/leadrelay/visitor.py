"""Whose request it is: the address behind proxies that are trusted to name it; pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Networks = Sequence[IPv4Network | IPv6Network]

#: Proxies that are looked behind.
_MOST_HOPS = 32


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request: address and User-Agent, each ``""`` when unknown."""

    address: str
    agent: str


def read_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Read addresses and networks, separated by commas; raises ValueError."""
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def address_of(peer: str, forwarded: Iterable[str], trusted: Networks) -> str:
    """Give the address of a request's visitor.

    Args:
        peer: The connection's own address.
        forwarded: The values of `X-Forwarded-For`, in order. Each proxy adds whom it heard, so they are read from the
            end, as long as who says it is trusted.
        trusted: Addresses of proxies.
    """
    found = peer
    hops = ",".join(forwarded).split(",")[-_MOST_HOPS:] if trusted else []
    while hops and _is_in(found, trusted):
        hop = _address(hops.pop())
        if hop is None:
            break
        found = str(hop)
    return found


def _is_in(text: str, networks: Networks) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, as some proxies write it: with a port, in brackets, an IPv4 one as IPv6."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
