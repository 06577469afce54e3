"""The endpoint's answers: all return formats written and read (page, "Return formats & callback"; facts.md)."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: An id as text, in all known forms (facts.md): 32 hex digits, or letters, digits, dots and dashes with a digit among
#: them. Never markup, a sentence, or a word such as "success".
_ID = re.compile(r"[0-9a-f]{32}|(?=[^0-9]*[0-9])[0-9A-Za-z][0-9A-Za-z._-]{5,127}")
_NAMES = ("eid", "id", "event_id")
_CALLBACK = re.compile(r"[A-Za-z_$][\w$]{0,63}(\.[A-Za-z_$][\w$]{0,63}){0,7}", re.ASCII)
_JSONP = re.compile(rf"(?:/\*\*/)?({_CALLBACK.pattern})\((.*)\);?", re.DOTALL | re.ASCII)

#: 43 bytes, 1x1, transparent.
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
#: Which form wins when several are asked for; the page does not say.
PRECEDENCE = ("pix", "callback", "json")


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer and its content type."""

    content_type: str
    body: bytes


def is_event_id(text: str) -> bool:
    """Tell whether a text has the form of an event id: 6 to 128 letters, digits, ``.``, ``-``, ``_``, one a digit."""
    return _ID.fullmatch(text) is not None


def render_answer(
    eid: str, params: Mapping[str, str], precedence: Sequence[str] = PRECEDENCE, document: Any = None
) -> Answer:
    """Write an event id in the form that a request asks for.

    Args:
        eid: The id.
        params: Of the request. `pix` and `json` count when present; `callback` without `json` is JSONP too; one that
            is no name of a function is ignored, since it would run in the caller's page.
        precedence: `pix`, `callback` and `json`, the strongest first.
        document: What `json` and `callback` carry, instead of `{"eid": …}`; the page does not say.
    """
    as_json = json.dumps(document or {"eid": eid})
    callback = params.get("callback", "")
    asked = {"pix": "pix" in params, "callback": bool(_CALLBACK.fullmatch(callback)), "json": "json" in params}
    form = next((name for name in precedence if asked[name]), "text")
    return {
        "pix": Answer("image/gif", GIF),
        "callback": Answer("application/javascript; charset=utf-8", f"{callback}({as_json});".encode()),
        "json": Answer("application/json", as_json.encode()),
        "text": Answer("text/plain; charset=utf-8", eid.encode()),
    }[form]


def parse_answer(body: bytes) -> str | None:
    """Give the event id in an answer, None when it holds none (an image, a login page, a parking page).

    Args:
        body: The body as received, any bytes; bare text, a JSON string, an object with `eid`, `id` or `event_id`, or
            JSONP. A number in JSON keeps its digits.
    """
    text = body.decode("utf-8-sig", "replace").strip()
    jsonp = _JSONP.fullmatch(text)
    text = jsonp[3].strip() if jsonp else text
    if jsonp or text[:1] in {"{", '"'}:
        try:
            value = json.loads(text, parse_int=str, parse_float=str)
        except (ValueError, RecursionError):
            return None
        if isinstance(value, dict):
            value = next((value[name] for name in _NAMES if name in value), None)
        text = value if isinstance(value, str) else ""
    return text if is_event_id(text) else None
