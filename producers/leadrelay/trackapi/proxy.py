"""`proxy`: whether LeadBoxer takes an event as the visitor's own (page, "Using a proxy"; facts.md)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table "What LeadBoxer will count".

    Args:
        asked: `proxy=` of the call, or of the setting: `auto`, `true` or `false`.
        visitor: Whether the event carries a visitor's `ip` and User-Agent, both.
        sent: Whether `proxy=true` goes out.
        counted: Whether the endpoint counts event and session.
        enriched_from: Whose browser, platform and place the user's profile then shows.
    """

    asked: str
    visitor: bool
    sent: bool
    counted: bool
    enriched_from: str


_NOBODY = "nobody: the profile keeps what it has"

TABLE: tuple[Row, ...] = (
    Row("auto", visitor=True, sent=False, counted=True, enriched_from="the visitor"),
    Row("auto", visitor=False, sent=True, counted=False, enriched_from=_NOBODY),
    Row("true", visitor=True, sent=True, counted=False, enriched_from=_NOBODY),
    Row("true", visitor=False, sent=True, counted=False, enriched_from=_NOBODY),
    Row("false", visitor=True, sent=False, counted=True, enriched_from="the visitor"),
    Row("false", visitor=False, sent=False, counted=True, enriched_from="the worker: its address and User-Agent"),
)
_SENT = {(row.asked, row.visitor): row.sent for row in TABLE}

#: What `proxy` may say, in lower case, and what it asks for; being present is enough in an older reference (facts.md).
ASKED = {"auto": "auto", "true": "true", "1": "true", "": "true", "false": "false", "0": "false"}


def sends_proxy(asked: str, *, visitor: bool) -> bool:
    """Decide whether `proxy=true` is sent.

    `proxy=false` is never written on the wire: in an older reference being present is enough (facts.md, Parameters).

    Args:
        asked: `auto`, `true` or `false`.
        visitor: Whether the event carries a visitor's `ip` and User-Agent, both.
    """
    return _SENT[asked, visitor]


def is_set(text: str) -> bool:
    """Tell what `proxy=` of a URL means to the endpoint: present and neither `false` nor `0` (facts.md, last table)."""
    return text.lower() not in {"false", "0"}
