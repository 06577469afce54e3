"""Where a request came from: whose address, behind proxies that are trusted by name, and whether from this machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ipaddress import IPv4Address

#: Stands for a peer on a Unix socket, which is on this machine.
_LOCAL = "127.0.0.1"
#: Proxies behind each other; of a longer way the beginning is not known. Looking at each takes time, and anybody may
#: write thousands.
_MOST_HOPS = 50

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]

#: Headers that proxies add, each for somebody whose connection is not the one that a server sees.
ADDED = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"})


def read_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Read addresses and networks with commas between (`10.0.0.0/8, ::1`); raises ValueError."""
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def is_loopback(host: str) -> bool:
    """Tell whether an address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def came_through_proxy(names: Iterable[str]) -> bool:
    """Tell it by the names of a request's headers: then a connection of this machine says nothing of who asks."""
    return not ADDED.isdisjoint(name.lower() for name in names)


def client_address(peer: str, forwarded_for: str, trusted: Networks) -> str:
    """Give the address of a request's client, ``""`` when it is not known.

    `X-Forwarded-For` is read from the right, since each proxy appends the address that it saw: as long as that is one
    of ours, the next to the left was written by a proxy that can be believed. What a client wrote is not reached.

    Args:
        peer: Of the connection; ``""`` on a Unix socket, which is trusted where loopback is.
        forwarded_for: `X-Forwarded-For`, several lines of it joined with commas in their order.
        trusted: Proxies of ours.
    """
    hops = [peer or _LOCAL, *reversed(forwarded_for.rsplit(",", _MOST_HOPS) if forwarded_for else ())]
    for number, hop in enumerate(hops):
        seen = _address(hop.strip())
        if seen is None:
            return ""
        if number + 1 == len(hops) or not any(seen in network for network in trusted):
            return str(seen) if number or peer else ""
    raise AssertionError("there is always a last hop")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address as proxies write it: `192.0.2.4`, `192.0.2.4:5678`, `[2001:db8::1]:5678`, `::ffff:192.0.2.4`."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
