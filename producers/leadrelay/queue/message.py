"""A message: one event as the queue holds it, a header line and the payload.

The header is written and read by the scripts too (``lua/_common.lua``): fields separated by spaces, ``-`` for an
empty one. The payload is never decoded there, so no number or empty list is ever mangled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from leadrelay.entry import Entry as Entry  # noqa: PLC0414 - known from here
from leadrelay.invalid import is_refused

#: Version of the header; a message of a newer version is left in the queue for workers that know it. Every version
#: begins with the same eight fields, up to `open_ms`, so that older workers can keep its lane.
VERSION = 1

_FIELDS = 15
#: The first of them, which are the same in every version.
_KNOWN = 8


class UnreadableMessageError(ValueError):
    """The bytes are not a message of a known version."""


class NewerMessageError(UnreadableMessageError):
    """A newer version wrote the message."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One entry of a message's history.

    Args:
        at_ms: When it ended, by the worker's clock (or the broker's, for one that was lost).
        number: From 1.
        outcome: As `classify` gives it, or ``lost``: the worker died with it, or let go of it.
        unknown: The endpoint may have the event although nothing says so.
        reason: A short class such as ``http_503``.
        took_ms: From the first byte to the last.
    """

    at_ms: int
    number: int
    outcome: str
    unknown: bool
    reason: str
    took_ms: int

    @classmethod
    def parse(cls, entry: str) -> Attempt | None:
        """Read an entry, ``<at>:<number>:<outcome>[?]:<reason>:<ms>``; None when it is not one."""
        parts = entry.split(":")
        try:
            at, number, outcome, reason, took = parts
            return cls(int(at), int(number), outcome.removesuffix("?"), outcome.endswith("?"), reason, int(took))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """One event as the queue holds it; times in ms of broker time, `history` newest last, `label` for reports.

    `revision` counts edits, `replays` replays; `stale`: sending it may put older values after newer; `gave_way`: its
    lane does not wait for it any more, but nothing newer has gone out yet.
    """

    seq: int
    eid: str
    lane: str
    scope: str
    label: str
    accepted_ms: int
    open_ms: int
    claims: int
    attempts: int
    suspect: int
    revision: int
    replays: int
    stale: bool
    history: tuple[str, ...]
    payload: bytes
    gave_way: bool = False

    @classmethod
    def parse(cls, raw: bytes) -> Message:
        """Read a message as the scripts write it.

        Raises:
            NewerMessageError: The header is one of a newer version.
            UnreadableMessageError: It is none.
        """
        head, newline, payload = raw.partition(b"\n")
        fields = head.decode("latin-1").split(" ")
        if fields[0].isdecimal() and int(fields[0]) > VERSION:
            raise NewerMessageError
        if not newline or len(fields) != _FIELDS or fields[0] != str(VERSION):
            raise UnreadableMessageError
        _, seq, eid, lane, scope, label, at, opened, claims, *counts, order, history = fields
        attempts, suspect, revision, replays = counts
        try:
            return cls(
                seq=int(seq),
                eid=eid,
                lane=lane if lane != "-" else "",
                scope=scope,
                label=label,
                accepted_ms=int(at),
                open_ms=int(opened),
                claims=int(claims),
                attempts=int(attempts),
                suspect=int(suspect),
                revision=int(revision),
                replays=int(replays),
                stale=order == "1",
                history=tuple(history.split(";")) if history != "-" else (),
                payload=payload,
                gave_way=order == "2",
            )
        except ValueError:
            raise UnreadableMessageError from None

    def __repr__(self) -> str:
        """Show no payload."""
        return f"Message(seq={self.seq}, eid={self.eid!r}, attempts={self.attempts})"


def beginning_of(raw: bytes) -> Message | None:
    """Read what is known of a message that a newer version wrote: all but its attempts and its payload; else None."""
    fields = raw.split(b" ", _KNOWN)[:_KNOWN]
    if len(fields) < _KNOWN:
        return None
    _, seq, eid, lane, scope, label, at, opened = (field.decode("latin-1") for field in fields)
    if not (seq.isdecimal() and at.isdecimal() and opened.isdecimal()):
        return None
    known = (int(seq), eid, lane if lane != "-" else "", scope, label, int(at), int(opened))
    return Message(*known, 0, 0, 0, 0, 0, stale=False, history=(), payload=b"")


def wire_of(payload: bytes) -> dict[str, str] | None:
    """Read a payload: an object of texts with a dataset id, which UTF-8 can carry.

    None when it is not an event, or was refused as one.
    """
    if is_refused(payload):
        return None
    try:
        wire: Any = json.loads(payload)
        if not isinstance(wire, dict) or not wire.get("si"):
            return None
        "".join((*wire, *wire.values())).encode()  # neither anything but text nor half a character
    except (ValueError, RecursionError, TypeError):
        return None
    return wire
