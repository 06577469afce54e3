"""Readers: from the text of a setting to its value; each raises ValueError or KeyError for a text that does not fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from leadrelay.times import read_span

if TYPE_CHECKING:
    from collections.abc import Callable


class NotAmong(ValueError):
    """A text that is none of a few; `allowed` lists them."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        """See the class."""
        super().__init__()
        self.allowed = ", ".join(allowed)


def boolean(text: str) -> bool:
    """Read yes or no."""
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    return known[text.strip().lower()]


def positive(text: str) -> int:
    """Read a whole number from 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def rate(text: str) -> float:
    """Read a number above 0."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError
    return number


def span_or_off(text: str) -> int | None:
    """Read a length of time in seconds; `off` is None."""
    return None if text.strip() == "off" else read_span(text)


def one_of(*allowed: str) -> Callable[[str], str]:
    """Make a reader of one of these texts."""

    def read(text: str) -> str:
        if text not in allowed:
            raise NotAmong(allowed)
        return text

    return read


def several_of(*allowed: str) -> Callable[[str], frozenset[str]]:
    """Make a reader of some of these texts, with commas between."""

    def read(text: str) -> frozenset[str]:
        named = frozenset(part.strip() for part in text.split(","))
        if not named <= set(allowed):
            raise NotAmong(allowed)
        return named

    return read


def url(*schemes: str) -> Callable[[str], str]:
    """Make a reader of URLs with one of these schemes."""

    def read(text: str) -> str:
        parts = urlsplit(text)
        scheme, _ = parts.scheme, parts.port  # a bare "/" in a password makes a port that is no number
        if scheme not in schemes:
            raise ValueError
        return text

    return read


def address(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``, ``:PORT`` or ``PORT``; without a host it is loopback."""
    host, _, port = text.rpartition(":")
    number = int(port)
    if not 0 <= number <= 65535:  # noqa: PLR2004 - ports
        raise ValueError
    return host.strip("[]") or "127.0.0.1", number


def header_value(text: str) -> str:
    """Read a secret that travels in a header: printable ASCII, since each client encodes the rest in its own way."""
    if not (text.isascii() and text.isprintable() and text == text.strip()):
        raise ValueError
    return text


def json_object(text: str) -> dict[str, Any]:
    """Read a JSON object."""
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError  # noqa: TRY004 - a text that does not fit, as in every reader
    return value


def names(text: str) -> frozenset[str]:
    """Read names with commas between."""
    return frozenset(name for part in text.split(",") if (name := part.strip()))


def lower_names(text: str) -> frozenset[str]:
    """Read names with commas between, in lower case."""
    return names(text.lower())
