"""The parameter table of the vendor's page ("Pre-defined parameters"), and the names in use beyond it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameter:
    """One wire parameter: its name and what the endpoint does with it."""

    name: str
    meaning: str


_PAGE = {
    "si": "dataset id",
    "ti": "title of the event",
    "eid": "event id",
    "sid": "session id",
    "uid": "user id, overrides any user",
    "proxy": "`true`: not the original source: no enrichment, no counters",
    "browser": "browser of the visitor",
    "browserVersion": "its version",
    "eh": "effective screen height",
    "ew": "effective screen width",
    "ip": "address of the visitor, instead of the request's",
    "lc": "full URL of the event",
    "locale": "language of the visitor",
    "otor": "original referrer of the user id",
    "otpe": "previous location",
    "otr": "referrer of the session id",
    "platform": "platform of the visitor",
    "pix": "answer with an image",
    "ref": "current referrer",
    "sc": "screen colours",
    "sh": "screen height",
    "sw": "screen width",
    "tz": "time zone",
}
#: Named in the page's text and examples (sections 4 and 5, "Return formats & callback"), or in facts.md.
_BEYOND = {
    "userId": "the application's id of the user (recommended)",
    "email": "address of the user (recommended)",
    "json": "answer with the id as JSON",
    "callback": "answer as JSONP",
    "increment": "`false`: counters do not move",
    "otui": "cookie state of a native client: user",
    "ots": "cookie state of a native client: session",
}

PARAMETERS: dict[str, Parameter] = {name: Parameter(name, meaning) for name, meaning in {**_PAGE, **_BEYOND}.items()}

#: They change the form of the answer, which the worker must be able to read.
ANSWER_FORMS = frozenset({"pix", "json", "callback"})

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
