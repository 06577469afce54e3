"""Ids out of the cookies that the vendor's script sets on the application's own domain (facts.md, "Cookies")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: `random.firstVisitMs.…` and `sessionEvents.sessionStartMs.…`: the parts that ids are made of. A browser can send
#: anything in a cookie, so nothing else is taken for an id.
_OTUI = re.compile(r"([0-9A-Za-z]{1,32})\.([0-9]{1,16})(?:\..*)?", re.DOTALL)
_OTS = re.compile(r"[0-9]{1,16}\.([0-9]{1,16})(?:\..*)?", re.DOTALL)


def uid_of(otui: str) -> str:
    """Give the user id in an `_otui` cookie or an `otui` parameter, ``""`` when there is none."""
    user = _OTUI.fullmatch(otui)
    return f"{user[2]}.{user[1]}" if user else ""


def sid_of(ots: str, otui: str) -> str:
    """Give the session id in an `_ots` cookie, which ends in the random part of the user's; ``""`` without both."""
    session, user = _OTS.fullmatch(ots), _OTUI.fullmatch(otui)
    return f"{session[1]}.{user[1]}" if session and user else ""


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
