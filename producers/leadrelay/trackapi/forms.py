"""Wire parameters to URL-encoded forms and back, the same for GET and POST (page, sections 2 and 4; facts.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from leadrelay.trackapi.parameters import ANSWER_FORMS, CACHE_BUSTER

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Names that begin so are leadrelay's own notes on an event; they never leave.
PRIVATE = "_"
#: The visitor's User-Agent, forwarded as the request's own (facts.md, "without `proxy`").
USER_AGENT = "_ua"


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it was read.

    Args:
        pairs: Names and values in their order, duplicates and empty values among them.
        charset: `utf-8`, or `iso-8859-1` when it was not that.
    """

    pairs: tuple[tuple[str, str], ...]
    charset: str


def encode(wire: Mapping[str, str]) -> str:
    """Encode parameters as a form; a space becomes ``+`` and ``+`` becomes ``%2B`` (page, section 4)."""
    return urlencode([(name, value) for name, value in wire.items() if not name.startswith(PRIVATE)])


def decode(raw: bytes) -> Form:
    """Read a query string or the body of a form; any bytes can be read.

    Args:
        raw: As received. ``+`` is a space, a name without ``=`` has an empty value; what is not UTF-8 as a whole is
            ISO-8859-1 (one real client sends that: facts.md, Parameters).
    """
    text = raw.decode("latin-1")
    try:
        text.encode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeEncodeError:
        return _decode_raw(raw, text)
    except UnicodeDecodeError:
        return Form(tuple(parse_qsl(text, keep_blank_values=True, encoding="latin-1")), "iso-8859-1")
    return Form(tuple(pairs), "utf-8")


def from_url(url: str) -> dict[str, str]:
    """Give the parameters of a Track API URL: the first of each name, without those that only form the answer."""
    form = decode(url.partition("?")[2].partition("#")[0].encode())
    found: dict[str, str] = {}
    for name, value in form.pairs:
        if name not in ANSWER_FORMS and name != CACHE_BUSTER:
            found.setdefault(name, value)
    return found


def _decode_raw(raw: bytes, text: str) -> Form:
    """Read a form with bytes beyond ASCII that nobody encoded."""
    try:
        return Form(tuple(parse_qsl(raw.decode(), keep_blank_values=True, errors="strict")), "utf-8")
    except UnicodeDecodeError:
        return Form(tuple(parse_qsl(text, keep_blank_values=True, encoding="latin-1")), "iso-8859-1")
