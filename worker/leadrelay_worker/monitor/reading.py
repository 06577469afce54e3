"""Reading what a page sent; what cannot be read is answered with a sentence."""

from __future__ import annotations

import math
from typing import Any

from leadrelay.queue.selection import FILTERS, read_filters
from tornado.web import HTTPError

#: Characters of a reason.
MOST_REASON = 200


def filters_of(given: dict[str, Any]) -> dict[str, str]:
    """Read ``filters`` of a request: texts by their names, without empty ones; raises HTTPError."""
    filters = given.get("filters") or {}
    if not isinstance(filters, dict) or set(filters) - set(FILTERS):
        raise HTTPError(400, f"filters: an object of {', '.join(FILTERS)}")
    written = {name: str(text).strip() for name, text in filters.items() if text and str(text).strip()}
    try:
        read_filters(written, 0)
    except ValueError as error:
        raise HTTPError(422, str(error)) from None
    return written


def place_of(given: dict[str, Any]) -> tuple[int, int]:
    """Read ``after`` of a request: where the answer before ended."""
    after = given.get("after") or (0, 0)
    if not isinstance(after, list | tuple) or [type(part) for part in after] != [int, int]:
        raise HTTPError(400, "after: the `rest` of the answer before")
    return after[0], after[1]


def because_of(given: dict[str, Any]) -> str:
    """Read why letters are dropped; raises HTTPError when nothing is said."""
    because = reason_of(given, "because")
    if not because:
        raise HTTPError(422, "because: say why, for the record")
    return because


def rate_of(given: Any) -> float | None:
    """Read events a second, None for no ceiling; raises HTTPError."""
    if given in (None, ""):
        return None
    try:
        per_s = float(given)
    except (TypeError, ValueError):
        per_s = math.nan
    if not 0 < per_s < math.inf:
        raise HTTPError(422, "rate: a number of events a second above 0, or nothing for no limit")
    return per_s


def reason_of(given: dict[str, Any], name: str = "reason") -> str:
    """Read a reason for the record: one line of bounded length."""
    return " ".join(str(given.get(name) or "").split())[:MOST_REASON]
