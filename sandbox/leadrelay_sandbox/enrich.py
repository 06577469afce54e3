"""What the endpoint adds to an event without `proxy`: browser, platform and place (page, "Using a proxy")."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

import ua_parser

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Characters of a User-Agent that are looked at; no browser's is longer.
_LONGEST_AGENT = 512
_LONGEST_ADDRESS = 64
_PLACES = ("country", "region", "city")


def enrich(params: Mapping[str, str], agent: str, address: str) -> dict[str, str]:
    """Give the properties that are detected; what the event itself says is not among them.

    Args:
        params: Of the request. `ip` stands for the request's own address.
        agent: The request's User-Agent, ``""`` without one.
        address: The request's own address.

    Returns:
        `browser`, `browserVersion`, `platform`; `country`, `region`, `city` as stand-ins that name the address they
        would be derived from, since the sandbox has no geographic database.
    """
    place_of = (params.get("ip") or address)[:_LONGEST_ADDRESS]
    found = {**of_agent(agent[:_LONGEST_AGENT]), **of_address(place_of)}
    return {name: value for name, value in found.items() if not params.get(name)}


@lru_cache(2048)
def of_agent(agent: str) -> Mapping[str, str]:
    """Read a User-Agent; what it does not tell is left out."""
    browser, platform = ua_parser.parse_user_agent(agent), ua_parser.parse_os(agent)
    version = ".".join(part for part in (browser.major, browser.minor) if part) if browser else ""
    found = {
        "browser": browser.family if browser else "",
        "browserVersion": version,
        "platform": platform.family if platform else "",
    }
    return {name: value for name, value in found.items() if value}


@lru_cache(2048)
def of_address(address: str) -> Mapping[str, str]:
    """Give stand-ins for the place of an address; nothing for what is no address."""
    try:
        known = ip_address(address.strip())
    except ValueError:
        return {}
    return {place: f"{place} of {known} (stand-in)" for place in _PLACES}
