"""Lengths and points of time as people write and read them: `30m`, `2h`, `90d`; or ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def read_span(text: str) -> int:
    """Give the seconds of a length such as ``30m``.

    Raises:
        ValueError: It is not a whole number and s, m, h or d.
    """
    match = re.fullmatch(r"(\d+)([smhd])", text.strip())
    if not match:
        raise ValueError("write a whole number and s, m, h or d, e.g. 30m, 2h, 90d")
    return int(match[1]) * _UNITS[match[2]]


def read_moment(text: str, now_ms: int) -> int:
    """Give the ms of a point in time: a length ago (``2h``), or ISO 8601 (UTC unless it names another zone).

    Raises:
        ValueError: It is neither.
    """
    try:
        return now_ms - read_span(text) * 1000
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("write a length of time ago (2h, 3d) or a date (2026-01-31, 2026-01-31T12:00:00Z)") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def shown_moment(ms: int | None) -> str:
    """Show a time in ms for people, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if ms else "-"
