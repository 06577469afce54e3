"""The parameter table: every name of the vendor's page ("Pre-defined parameters") and those in use beyond it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from leadrelay.trackapi.answers import is_event_id
from leadrelay.trackapi.cookies import uid_of
from leadrelay.trackapi.proxy import ASKED

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Check:
    """What a value should look like.

    Args:
        expected: In words; ``""`` when nothing is looked at, as the page says nothing about the form.
        holds: Whether a value does.
        strict: Another value is refused. Else it is reported once and sent as it is, since what the endpoint makes of
            it is not documented.
    """

    expected: str
    holds: Callable[[str], bool]
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """One wire parameter.

    Args:
        name: As on the wire, case-sensitive.
        meaning: What the endpoint does with it.
        set_by: Who gives it a value: `application`, `leadrelay` when the application does not, `browser` (a value that
            only a browser or a native client knows), or `caller` of the endpoint, for the form of its answer.
        source: Where that is written: a part of the page, or facts.md.
        check: What a value should look like.
    """

    name: str
    meaning: str
    set_by: str
    source: str
    check: Check

    def doubt(self, value: str) -> str | None:
        """Tell what is odd about a value, None when nothing is; does not repeat it."""
        return None if self.check.holds(value) else f"not {self.check.expected}"


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII | re.DOTALL)
    return lambda value: compiled.fullmatch(value) is not None


_ANY = Check("", lambda _: True)
_FILLED = Check("a text that is not blank", lambda value: bool(value.strip()), strict=True)
_ID = Check("6 to 128 letters, digits, dots, dashes and underscores, a digit among them", is_event_id, strict=True)
_PROXY = Check("true, false or auto", lambda value: value.lower() in ASKED, strict=True)
_ADDRESS = Check("an IP address", _is_address)
_URL = Check("a full URL, like https://www.example.com/page", _matches(r"[A-Za-z][A-Za-z0-9+.-]*://\S+"))
_PIXELS = Check("a number of pixels", _matches(r"\d{1,5}"))
_STAMPED = Check("<milliseconds>.<URL>", _matches(r"\d{1,16}\..+"))
_FLAG = Check("true or false", _matches(r"true|false|0|1"))
_EMAIL = Check("an e-mail address (an unencoded + arrives as a space)", _matches(r"[^\s@]+@[^\s@]+"))
_OTUI = Check("the text of an _otui cookie", lambda value: uid_of(value) != "")
_OTS = Check("the text of an _ots cookie", _matches(r"\d+\.\d+(\..*)?"))

_PAGE = "page, Pre-defined parameters"
_FORMS = "page, Return formats & callback"
_FACTS = "facts.md, Parameters"

#: Every row: name, meaning, who sets it, source, what its value should look like.
PARAMETERS: dict[str, Parameter] = {
    row[0]: Parameter(*row)
    for row in (
        ("si", "dataset id; required", "application", _PAGE, _FILLED),
        ("ti", "title of the event, shown in the user's clickstream", "application", _PAGE, _FILLED),
        ("eid", "event id; without one the endpoint makes one and answers with it", "leadrelay", _PAGE, _ID),
        ("sid", "session id; without one: the event id", "application", _PAGE, _ANY),
        ("uid", "user id, overrides any user; without one and no e-mail: the event id", "application", _PAGE, _ANY),
        ("proxy", "`true`: not the original source: no enrichment, no counters", "leadrelay", _PAGE, _PROXY),
        ("browser", "browser; else detected from the User-Agent", "application", _PAGE, _ANY),
        ("browserVersion", "its version; else detected from the User-Agent", "application", _PAGE, _ANY),
        ("eh", "effective screen height", "browser", _PAGE, _PIXELS),
        ("ew", "effective screen width", "browser", _PAGE, _PIXELS),
        ("ip", "address instead of the request's; geography follows it", "application", _PAGE, _ADDRESS),
        ("lc", "URL of the event, in full", "application", _PAGE, _URL),
        ("locale", "language of the event", "application", _PAGE, _ANY),
        ("otor", "original referrer of the user id: `<ms>.<URL>`", "browser", _PAGE, _STAMPED),
        ("otpe", "previous location (URL); gives the time a page was viewed", "browser", _PAGE, _URL),
        ("otr", "referrer of the session id: `<ms>.<URL>`", "browser", _PAGE, _STAMPED),
        ("platform", "platform; else detected from the User-Agent", "application", _PAGE, _ANY),
        ("pix", "answer with a 1x1 image", "caller", _PAGE, _ANY),
        ("ref", "current referrer", "application", _PAGE, _ANY),
        ("sc", "screen colours", "browser", _PAGE, _ANY),
        ("sh", "screen height", "browser", _PAGE, _PIXELS),
        ("sw", "screen width", "browser", _PAGE, _PIXELS),
        ("tz", "time zone", "application", _PAGE, _ANY),
        ("json", "answer with the id as JSON", "caller", _FORMS, _ANY),
        ("callback", "answer as JSONP", "caller", _FORMS, _ANY),
        ("userId", "the application's id of the user (recommended)", "application", "page, section 5", _ANY),
        ("email", "address of the user (recommended)", "application", "page, sections 5 and 6; facts.md", _EMAIL),
        ("increment", "`false`: counters do not move", "application", _FACTS, _FLAG),
        ("otui", "cookie state of a native client: the user", "browser", _FACTS, _OTUI),
        ("ots", "cookie state of a native client: the session", "browser", _FACTS, _OTS),
    )
}

#: They change the form of the answer, which the worker must be able to read.
ANSWER_FORMS = frozenset(name for name, row in PARAMETERS.items() if row.set_by == "caller")
#: Their values are checked, not only looked at.
STRICT = frozenset(name for name, row in PARAMETERS.items() if row.check.strict)
#: What jQuery adds against caches (facts.md, last table); no property.
CACHE_BUSTER = "_"
#: Never copied to a session or a user (facts.md, last table).
NOT_PROPAGATED = ANSWER_FORMS | {"si", "eid", "sid", "uid", "ots", "otui", "proxy", "increment", CACHE_BUSTER}

#: Known names without case and underscores; a form of the answer is refused, so it is never what is meant.
_FOLDED = {name.lower().replace("_", ""): name for name in PARAMETERS if name not in ANSWER_FORMS}
#: Shorter names are near to everything, so only their case and underscores are forgiven.
_LONG = [folded for folded in _FOLDED if len(folded) > 4]  # noqa: PLR2004 - see above


def near_miss(name: str) -> str | None:
    """Give the known parameter that an unknown name probably means (`user_id`: `userId`), or None."""
    if name in PARAMETERS:
        return None
    folded = name.lower().replace("_", "").replace("-", "")
    close = [folded] if folded in _FOLDED else difflib.get_close_matches(folded, _LONG, 1, 0.9)
    return _FOLDED[close[0]] if close else None


def doubts(name: str, value: str) -> str | None:
    """Tell what is odd about a parameter of this name and value, None when nothing is; names no value."""
    if name in PARAMETERS:
        return PARAMETERS[name].doubt(value) if value else None
    meant = near_miss(name)
    return f"not a parameter of the Track API; did you mean {meant}?" if meant else None
