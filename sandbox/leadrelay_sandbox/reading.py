"""A request to parameters, with a warning for whatever the vendor's page leaves open; pure.

Warnings that begin with `NOT_DOCUMENTED` tell what the sandbox chose; the others doubt a value that the page gives a
form for. They name parameters, never values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from leadrelay.trackapi import forms
from leadrelay.trackapi.parameters import ANSWER_FORMS, CACHE_BUSTER, PARAMETERS, doubts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOT_DOCUMENTED = "not documented: "
#: Warnings kept of one event.
MOST_WARNINGS = 50
#: Characters of a name up to which what is odd about it is looked up, and shown.
_LONGEST_NAME = 64
#: Without a value they still mean something.
_FLAGS = ANSWER_FORMS | {"proxy"}
_UTF_8 = "utf-8"


@dataclass(frozen=True, slots=True)
class Hit:
    """A request as it was read.

    Args:
        method: `GET` or `POST`.
        params: Parameters by name; of duplicates the one that counts.
        charset: `utf-8` or `iso-8859-1`, as the form was.
        warnings: What is odd or undocumented about it.
    """

    method: str
    params: dict[str, str]
    charset: str
    warnings: tuple[str, ...]


def read(method: str, query: bytes, body: bytes, choices: Mapping[str, str]) -> Hit:
    """Read a request; any bytes can be read.

    Args:
        method: Of the request.
        query: As received.
        body: Of a POST, as received; a form.
        choices: The switches.
    """
    read_as, pairs = _pairs(query, body, choices)
    params: dict[str, str] = {}
    repeated = []
    for name, value in pairs:
        if name in params:
            repeated.append(name)
            if choices["duplicate_keys"] == "first":
                continue
        params[name] = value
    params.pop(CACHE_BUSTER, None)
    warnings = [*_repeated(repeated, choices), *_warnings(params, choices)]
    return Hit(method, params, read_as, _bounded(warnings))


def as_mail_pixel(hit: Hit) -> Hit:
    """Read the request of an e-mail's pixel."""
    return replace(hit, params=forms.as_mail_pixel(hit.params))


def proxied(params: Mapping[str, str], choices: Mapping[str, str]) -> bool:
    """Tell whether `proxy` is on (page, "Using a proxy"; facts.md)."""
    if "proxy" not in params:
        return False
    value, rule = params["proxy"], choices["proxy_presence"]
    return {"any": True, "true": value == "true", "not-false": value not in {"false", "0"}}[rule]


def time_of(params: Mapping[str, str], choices: Mapping[str, str], now_ms: int) -> int:
    """Give an event's time in ms: of its arrival, or `t_ms` where that is honoured."""
    given = params.get("t_ms", "")
    honoured = choices["t_ms"] == "honour" and len(given) == 13 and given.isascii() and given.isdigit()  # noqa: PLR2004 - facts.md: 13 digits
    return int(given) if honoured else now_ms


def _pairs(query: bytes, body: bytes, choices: Mapping[str, str]) -> tuple[str, list[tuple[str, str]]]:
    read = [forms.decode(raw) for raw in (query, body) if raw]
    pairs = [pair for form in read for pair in form.pairs]
    others = [form.charset for form in read if form.charset != _UTF_8]
    if others and choices["charset"] == "replace":
        pairs = [
            pair for form in read for pair in (form.pairs if form.charset == _UTF_8 else map(_replaced, form.pairs))
        ]
    return (others[0] if others else _UTF_8), pairs


def _replaced(pair: tuple[str, str]) -> tuple[str, str]:
    """Read again as UTF-8 what was read as ISO-8859-1, which keeps every byte."""
    name, value = (text.encode("latin-1").decode(_UTF_8, "replace") for text in pair)
    return name, value


def _repeated(names: Iterable[str], choices: Mapping[str, str]) -> list[str]:
    which = choices["duplicate_keys"]
    return [
        f"{NOT_DOCUMENTED}{_shown(name)}: given more than once; the {which} counts" for name in dict.fromkeys(names)
    ]


def _warnings(params: Mapping[str, str], choices: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    if not params.get("ti"):
        found.append("ti: no title; LeadBoxer shows NO TITLE")
    if "t_ms" in params:
        found.append(f"{NOT_DOCUMENTED}t_ms: on a direct send, taken as {_TIMES[choices['t_ms']]}")
    for name, value in params.items():
        if name in PARAMETERS:
            doubt = PARAMETERS[name].doubt(value) if value else None
            if doubt:
                found.append(f"{name}: {doubt}")
        else:
            judge = _odd_name if len(name) <= _LONGEST_NAME else _odd_name.__wrapped__
            found += judge(name, choices["non_ascii_names"])
        if not value and name not in _FLAGS:
            found.append(f"{NOT_DOCUMENTED}{_shown(name)}: empty; {_EMPTY[choices['empty_value']]}")
    return found


_TIMES = {"property": "a property", "honour": "the event's time"}
_EMPTY = {"keep": "a filled value of the profile stays", "overwrite": "it overwrites the profile's value"}
_BEYOND_ASCII = {"keep": "kept on the event, not propagated", "propagate": "propagated"}


@lru_cache(4096)
def _odd_name(name: str, beyond_ascii: str) -> tuple[str, ...]:
    if not name:
        return (f"{NOT_DOCUMENTED}a value without a name; kept on the event, not propagated",)
    shown, found = _shown(name), []
    if " " in name:
        found.append(f"{NOT_DOCUMENTED}{shown}: a name with a space; accepted")
    if "[" in name:
        found.append(f"{NOT_DOCUMENTED}{shown}: an array; each of its parts is a property of its own")
    if not name.isascii():
        found.append(f"{NOT_DOCUMENTED}{shown}: a name beyond ASCII; {_BEYOND_ASCII[beyond_ascii]}")
    doubt = doubts(name, "") if len(name) <= _LONGEST_NAME else None
    return (*found, f"{shown}: {doubt}") if doubt else tuple(found)


def _shown(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def _bounded(warnings: list[str]) -> tuple[str, ...]:
    more = len(warnings) - MOST_WARNINGS
    return tuple(warnings) if more <= 0 else (*warnings[:MOST_WARNINGS], f"and {more} more warnings")
