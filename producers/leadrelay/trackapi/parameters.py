"""The parameter table: every name of the vendor's page ("Pre-defined parameters") and those in use beyond it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Parameter:
    """One wire parameter.

    Args:
        name: As on the wire, case-sensitive.
        meaning: What the endpoint does with it.
        set_by: Who gives it a value: `application`, `leadrelay` when the application does not, `browser` (a value that
            only a browser or a native client knows), or `caller` of the endpoint, for the form of its answer.
        source: Where that is written: a part of the page, or facts.md.
        doubt: What is odd about a value, None when nothing is; odd values are reported and sent as they are, since
            what the endpoint makes of them is not documented.
    """

    name: str
    meaning: str
    set_by: str
    source: str
    doubt: Callable[[str], str | None]


def _nothing(_: str) -> None:
    """Find nothing odd: the page says nothing about the form."""


def _address(value: str) -> str | None:
    try:
        ip_address(value)
    except ValueError:
        return "not an IP address"
    return None


def _matches(pattern: str, otherwise: str) -> Callable[[str], str | None]:
    compiled = re.compile(pattern)
    return lambda value: None if compiled.fullmatch(value) else otherwise


_URL = _matches(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", "not a full URL, like https://www.example.com/page")
_PIXELS = _matches(r"\d{1,5}", "not a number of pixels")
_STAMPED = _matches(r"\d{1,16}\..+", "not <milliseconds>.<URL>")
_FLAG = _matches(r"true|false|0|1|", "neither true nor false")
_EMAIL = _matches(r"[^\s@]+@[^\s@]+", "not an e-mail address (an unencoded + arrives as a space)")

_PAGE = "page, Pre-defined parameters"
_FORMS = "page, Return formats & callback"
_FACTS = "facts.md, Parameters"

#: Every row: name, meaning, who sets it, source, what is odd about a value.
PARAMETERS: dict[str, Parameter] = {
    row[0]: Parameter(*row)
    for row in (
        ("si", "dataset id; required", "application", _PAGE, _nothing),
        ("ti", "title of the event, shown in the user's clickstream", "application", _PAGE, _nothing),
        ("eid", "event id; without one the endpoint makes one and answers with it", "leadrelay", _PAGE, _nothing),
        ("sid", "session id; without one: the event id", "application", _PAGE, _nothing),
        ("uid", "user id, overrides any user; without one and no e-mail: the event id", "application", _PAGE, _nothing),
        ("proxy", "`true`: not the original source: no enrichment, no counters", "leadrelay", _PAGE, _FLAG),
        ("browser", "browser; else detected from the User-Agent", "application", _PAGE, _nothing),
        ("browserVersion", "its version; else detected from the User-Agent", "application", _PAGE, _nothing),
        ("eh", "effective screen height", "browser", _PAGE, _PIXELS),
        ("ew", "effective screen width", "browser", _PAGE, _PIXELS),
        ("ip", "address instead of the request's; geography follows it", "application", _PAGE, _address),
        ("lc", "URL of the event, in full", "application", _PAGE, _URL),
        ("locale", "language of the event", "application", _PAGE, _nothing),
        ("otor", "original referrer of the user id: <ms>.<URL>", "browser", _PAGE, _STAMPED),
        ("otpe", "previous location (URL); gives the time a page was viewed", "browser", _PAGE, _URL),
        ("otr", "referrer of the session id: <ms>.<URL>", "browser", _PAGE, _STAMPED),
        ("platform", "platform; else detected from the User-Agent", "application", _PAGE, _nothing),
        ("pix", "answer with a 1x1 image", "caller", _PAGE, _nothing),
        ("ref", "current referrer", "application", _PAGE, _nothing),
        ("sc", "screen colours", "browser", _PAGE, _nothing),
        ("sh", "screen height", "browser", _PAGE, _PIXELS),
        ("sw", "screen width", "browser", _PAGE, _PIXELS),
        ("tz", "time zone", "application", _PAGE, _nothing),
        ("json", "answer with the id as JSON", "caller", _FORMS, _nothing),
        ("callback", "answer as JSONP", "caller", _FORMS, _nothing),
        ("userId", "the application's id of the user (recommended)", "application", "page, section 5", _nothing),
        ("email", "address of the user (recommended)", "application", "page, section 6; facts.md", _EMAIL),
        ("increment", "`false`: counters do not move", "application", _FACTS, _FLAG),
        ("otui", "cookie state of a native client: the user", "browser", _FACTS, _nothing),
        ("ots", "cookie state of a native client: the session", "browser", _FACTS, _nothing),
    )
}

#: They change the form of the answer, which the worker must be able to read.
ANSWER_FORMS = frozenset(name for name, row in PARAMETERS.items() if row.set_by == "caller")
#: What jQuery adds against caches (facts.md, last table); no property.
CACHE_BUSTER = "_"
#: Never copied to a session or a user (facts.md, last table).
NOT_PROPAGATED = ANSWER_FORMS | {"si", "eid", "sid", "uid", "ots", "otui", "proxy", "increment", CACHE_BUSTER}

_FOLDED = {name.lower().replace("_", ""): name for name in PARAMETERS}


def near_miss(name: str) -> str | None:
    """Give the known parameter that an unknown name probably means (`user_id`: `userId`), or None."""
    if name in PARAMETERS:
        return None
    folded = name.lower().replace("_", "").replace("-", "")
    if folded in _FOLDED:
        return _FOLDED[folded]
    long = [known for known in _FOLDED if len(known) > 4]  # noqa: PLR2004 - short names are near to everything
    close = difflib.get_close_matches(folded, long, 1, 0.9)
    return _FOLDED[close[0]] if close else None


def doubts(name: str, value: str) -> str | None:
    """Tell what is odd about a parameter of this name and value, None when nothing is; names no value."""
    if name in PARAMETERS:
        return PARAMETERS[name].doubt(value) if value else None
    meant = near_miss(name)
    return f"not a parameter of the Track API; did you mean {meant}?" if meant else None
