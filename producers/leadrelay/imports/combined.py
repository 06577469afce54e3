"""Lines of web server logs in Apache's "combined" format."""

from __future__ import annotations

import re
from datetime import datetime
from ipaddress import ip_address

from leadrelay.imports.record import RejectedLine

_QUOTED = r'"(?P<{}>(?:[^"\\]|\\.)*)"'
_LINE = re.compile(
    r'(?P<host>\S+) \S+ (?P<user>\S+|"[^"]*") \[(?P<at>[^\]]{1,40})\] '
    + _QUOTED.format("request")
    + r" (?P<status>\d{3}) (?:\d+|-) "
    + _QUOTED.format("ref")
    + " "
    + _QUOTED.format("agent")
    + r"\s*"
)
#: What a line may tell.
NAMES = ("ti", "ip", "host", "user_agent", "ref", "lc", "status", "loggedAt")
_ESCAPED = re.compile(r'\\(["\\])')


def parse_combined(line: str, base_url: str = "") -> dict[str, str]:
    """Read one line as the arguments of an event.

    Args:
        line: Without its end.
        base_url: Put in front of the path to make `lc` a full URL (page, table: "needs to be in full URL format").

    Returns:
        `ti`, `ip` (`host` where the server looked names up), `user_agent`, `ref`, `lc` and what else the line tells;
        empty values are left out.

    Raises:
        RejectedLine: It is not such a line.
    """
    match = _LINE.fullmatch(line)
    if not match:
        raise RejectedLine("not a line of the combined format")
    method, _, rest = _plain(match["request"]).partition(" ")
    path = rest.rpartition(" ")[0] or rest
    if not path:
        raise RejectedLine("the request has no path")
    try:
        at = datetime.strptime(match["at"], "%d/%b/%Y:%H:%M:%S %z")
    except ValueError:
        raise RejectedLine("the time cannot be read") from None
    found = {
        "ti": f"{method} {path.partition('?')[0]}"[:200],
        _kind(match["host"]): match["host"],
        "user_agent": _given(match["agent"]),
        "ref": _given(match["ref"]),
        "lc": base_url.rstrip("/") + path if base_url else "",
        "status": match["status"],
        "loggedAt": at.isoformat(),
    }
    return {name: value for name, value in found.items() if value}


def _kind(host: str) -> str:
    try:
        ip_address(host)
    except ValueError:
        return "host"
    return "ip"


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _given(text: str) -> str:
    return "" if text == "-" else _plain(text)
