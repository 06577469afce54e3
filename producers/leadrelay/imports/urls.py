"""Track API URLs, one per line: as applications build them, or native clients upload them (facts.md, "Responses")."""

from __future__ import annotations

import re

from leadrelay.imports.record import RejectedLine
from leadrelay.trackapi.forms import from_url
from leadrelay.trackapi.proxy import is_set

_URL = re.compile(r"https?://[^\s?#]+\?\S", re.IGNORECASE)


def parse_url(line: str) -> dict[str, str]:
    """Read one URL as values by name (`trackapi.forms.from_url`); raises RejectedLine."""
    url = line.strip()
    if not _URL.match(url):
        raise RejectedLine("not a Track API URL, like https://log.leadboxer.com/?si=…&ti=…")
    found = from_url(url)
    if not found:
        raise RejectedLine("a URL without parameters")
    if "proxy" in found:
        found["proxy"] = str(is_set(found["proxy"]))
    return found
