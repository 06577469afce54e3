"""Reading the endpoint's answer: an event id in one of the forms seen (facts.md, "`pix` / `json` / JSONP")."""

from __future__ import annotations

import json
import re

#: An id as text: letters, digits, dots, dashes; never markup, spaces or a sentence.
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{5,127}")
_NAMES = ("eid", "id", "event_id")


def parse_answer(body: bytes) -> str | None:
    """Give the event id in an answer, None when it holds none (a login page, a parking page).

    Args:
        body: The body as received; bare text, a JSON string, or an object with `eid`, `id` or `event_id`.
    """
    text = body.decode("utf-8", "replace").strip()
    if text[:1] in {"{", '"'}:
        try:
            value = json.loads(text)
        except ValueError:
            return None
        if isinstance(value, dict):
            value = next((value[name] for name in _NAMES if name in value), None)
        text = value if isinstance(value, str) else ""
    return text if _ID.fullmatch(text) else None
