"""Ids out of the cookies that the vendor's script sets on the application's own domain (facts.md, "Cookies")."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: `random.firstVisitMs.…` and `sessionEvents.sessionStartMs.…`: the parts that ids are made of.
_PARTS = 2


def uid_of(otui: str) -> str:
    """Give the user id in an `_otui` cookie or an `otui` parameter, ``""`` when there is none."""
    parts = otui.split(".")
    return f"{parts[1]}.{parts[0]}" if len(parts) >= _PARTS and parts[0] and parts[1].isdecimal() else ""


def sid_of(ots: str, otui: str) -> str:
    """Give the session id in an `_ots` cookie, which ends in the random part of the user's; ``""`` without both."""
    parts, user = ots.split("."), otui.split(".")
    return f"{parts[1]}.{user[0]}" if uid_of(otui) and len(parts) >= _PARTS and parts[1].isdecimal() else ""


def ids_from_cookies(cookies: Mapping[str, str]) -> dict[str, str]:
    """Give `uid` and `sid` as the browser's own events carry them, to put a backend's event beside them.

    Args:
        cookies: Of the request, by name.

    Returns:
        What could be read; ``{}`` for a visitor without the cookies.
    """
    otui, ots = cookies.get("_otui", ""), cookies.get("_ots", "")
    found = {"uid": uid_of(otui), "sid": sid_of(ots, otui)}
    return {name: value for name, value in found.items() if value}
