"""Wire parameters to URL-encoded forms and back, the same for GET and POST (page, sections 2 and 4; facts.md)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from leadrelay.errors import InvalidEvent
from leadrelay.trackapi.parameters import ANSWER_FORMS, CACHE_BUSTER

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The visitor's User-Agent, forwarded as the request's own (facts.md, "without `proxy`").
USER_AGENT = "_ua"
#: Why an event cannot be sent; its dead letter shows it.
INVALID = "_invalid"
#: Names of leadrelay's own notes on an event; they never leave as parameters.
NOTES = frozenset({USER_AGENT, INVALID})


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
    """Encode parameters as a form; a space becomes ``+`` and ``+`` becomes ``%2B`` (page, section 4).

    Raises:
        UnicodeEncodeError: A text holds half of a surrogate pair; no event does.
    """
    return urlencode([(name, value) for name, value in wire.items() if name not in NOTES])


def decode(raw: bytes) -> Form:
    """Read a query string or the body of a form; any bytes can be read.

    Args:
        raw: As received. ``+`` is a space, a name without ``=`` has an empty value; what is not UTF-8 as a whole is
            ISO-8859-1 (one real client sends that: facts.md, Parameters).
    """
    try:
        return _decoded(raw, "utf-8")
    except UnicodeDecodeError:
        return _decoded(raw, "iso-8859-1")


def from_url(url: str | bytes) -> dict[str, str]:
    """Give the parameters of a Track API URL: the first of each name, without those that only form the answer.

    Args:
        url: Of any host. Text as Python reads it from a system that is not UTF-8 (with `surrogateescape`) keeps its
            bytes.

    Raises:
        InvalidEvent: It is not valid Unicode.
    """
    raw = url if isinstance(url, bytes) else _raw(url)
    return of_event(parameters(raw.partition(b"#")[0].partition(b"?")[2]))


def parameters(*forms: bytes) -> dict[str, str]:
    """Give the parameters of a request; of a name that comes more than once the first (facts.md, last table).

    Args:
        forms: Its query, and its body when that is a form, each as received and with a charset of its own.
    """
    found: dict[str, str] = {}
    for form in forms:
        for name, value in decode(form).pairs:
            found.setdefault(name, value)
    return found


def of_event(params: Mapping[str, str]) -> dict[str, str]:
    """Give the parameters that belong to the event, without those that only form the answer."""
    return {name: value for name, value in params.items() if name not in ANSWER_FORMS and name != CACHE_BUSTER}


def as_mail_pixel(params: Mapping[str, str]) -> dict[str, str]:
    """Read `GET /log?datasetId=&campaign=&email=…`, which is answered with an image (facts.md, Responses)."""
    read = {"si": params.get("datasetId", ""), **params, "pix": ""}
    read.pop("datasetId", None)
    return read


def _decoded(raw: bytes, charset: str) -> Form:
    pairs = parse_qsl(raw.decode(charset), keep_blank_values=True, encoding=charset, errors="strict")
    return Form(tuple(pairs), charset)


def _raw(url: str) -> bytes:
    with contextlib.suppress(UnicodeEncodeError):  # it holds the URL, so it is not chained
        return url.encode("utf-8", "surrogateescape")
    raise InvalidEvent("url: not valid Unicode (half of a surrogate pair)")
