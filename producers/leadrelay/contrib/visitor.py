"""What an HTTP request tells of its visitor, in wire parameters; the same for every framework."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from leadrelay.interruption import let_through
from leadrelay.proxies import client_address
from leadrelay.trackapi.cookies import ids_from_cookies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from leadrelay.proxies import Networks

logger = logging.getLogger(__name__)

#: Where a client without the cookies (a native one, a page of another domain) says who it is: `uid` and `sid`.
UID_HEADER = "x-leadrelay-uid"
SID_HEADER = "x-leadrelay-sid"

#: Characters of a URL; a longer one is left out.
MOST_URL = 2048
#: Characters of an Accept-Language header that are looked at.
_MOST_LANGUAGES = 500

_ID = re.compile(r"[0-9A-Za-z._-]{1,128}")
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_LANGUAGE = re.compile(r"([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)(?:\s*;\s*q=([01](?:\.[0-9]{0,3})?))?")


@dataclass(frozen=True, slots=True)
class Request:
    """A request, as far as anything is read of it.

    Args:
        peer: Address of the connection; ``""`` on a Unix socket.
        header: Gives a header by its name in lower case, ``""`` without; several lines joined with commas.
        url: Gives its URL in full.
    """

    peer: str
    header: Callable[[str], str]
    url: Callable[[], str]


def visitor_of(request: Request, trusted: Networks, *, capture_ip: bool) -> dict[str, str]:
    """Give the wire parameters of a request: `ip user_agent lc ref locale uid sid`, those that are known.

    A visitor writes most of it, so nothing odd is refused: it is left out.

    Args:
        request: What came.
        trusted: Proxies of ours.
        capture_ip: Whether `ip` may be taken.
    """
    header = request.header
    found = {
        "ip": client_address(request.peer, header("x-forwarded-for"), trusted) if capture_ip else "",
        "user_agent": header("user-agent"),
        "lc": _url(request.url()),
        "ref": _url(header("referer")),
        "locale": language_of(header("accept-language")),
        **_ids(header),
    }
    return {name: value for name, value in found.items() if value}


def told(what: str, ask: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Ask for a part of a request's context; one that fails is logged, and the events go without it."""
    try:
        return ask() or {}
    except Exception as error:  # noqa: BLE001 - the application's or framework's own, which must not cost an event
        let_through(error)
        _say(f"{what} failed ({type(error).__name__})")
        return {}


@lru_cache(100)
def _say(what: str) -> None:
    """Log it, once."""
    logger.warning("%s: events of such requests go without it; said once", what)


def language_of(accepted: str) -> str:
    """Give the language that an Accept-Language header likes best, ``""`` when it names none."""
    best, most = "", 0.0
    for part in accepted[:_MOST_LANGUAGES].split(","):
        choice = _LANGUAGE.fullmatch(part.strip())
        quality = float(choice[2] or 1) if choice else 0.0
        if choice and quality > most:
            best, most = choice[1], quality
    return best


def _url(text: str) -> str:
    return text if len(text) <= MOST_URL and text.isprintable() and _URL.fullmatch(text) else ""


def _ids(header: Callable[[str], str]) -> dict[str, str]:
    """Give `uid` and `sid` from our headers, else from the vendor's cookies; never one of each."""
    said = {"uid": header(UID_HEADER), "sid": header(SID_HEADER)}
    said = {name: text for name, text in said.items() if _ID.fullmatch(text)}
    return said or ids_from_cookies(_cookies(header("cookie")))


def _cookies(text: str) -> dict[str, str]:
    """Read a Cookie header; of cookies with one name the first counts, which has the more specific path."""
    pairs = (part.strip().partition("=") for part in reversed(text.split(";")))
    return {name: value for name, _, value in pairs}
