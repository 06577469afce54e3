"""A dead letter as it is read: the message, why and when it died, and whether it can be sent again as it is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from leadrelay.queue.message import Attempt, Message, UnreadableMessageError, wire_of

#: How the record of a message that a newer version wrote begins (``lua/claim.lua``).
_NEWER = re.compile(rb"\d+ newer\n")


@dataclass(frozen=True, repr=False)
class DeadLetter:
    """An event that is not sent any more.

    Args:
        message: As it was last in flight.
        reason: ``rejected``, ``refused``, ``expired``, ``poison``, ``newer``, ``malformed``, ``invalid``,
            ``unreadable`` …
        died_ms: Broker time.
        stale: Sending it would put older values after newer of the same lane (ADR 0006).
        readable: Its record could be read; else `message` holds nothing but the number and the raw bytes.
    """

    message: Message
    reason: str
    died_ms: int
    stale: bool = False
    readable: bool = True

    @cached_property
    def wire(self) -> dict[str, str] | None:
        """Its wire parameters; None when it is not an event and so needs an edit before it can be replayed."""
        return wire_of(self.message.payload) if self.readable else None

    @property
    def title(self) -> str:
        """Its title, ``""`` when it has none."""
        return (self.wire or {}).get("ti", "")

    @property
    def last_outcome(self) -> str:
        """What its last attempt came to, such as ``rejected http_400``; ``""`` when there was none."""
        attempts = read_history(self.message.history[-1:])
        return f"{attempts[0]['outcome']} {attempts[0]['reason']}" if attempts else ""

    def content(self) -> dict[str, Any]:
        """Give what it holds, personal data: the event, else the text or bytes that are none."""
        if self.wire is not None:
            return {"event": self.wire}
        try:
            text = self.message.payload.decode()
        except UnicodeDecodeError:
            return {"hex": self.message.payload.hex()}
        try:
            return {"json": json.loads(text)}
        except ValueError:
            return {"text": text}

    def __repr__(self) -> str:
        """Show nothing of the event."""
        return f"DeadLetter(seq={self.message.seq}, reason={self.reason!r})"


def parse_dead(record: bytes) -> DeadLetter:
    """Read a record of the ``dead`` hash: "<died ms> <reason>", a line break, the message.

    Raises:
        UnreadableMessageError: It is not one.
    """
    head, _, raw = record.partition(b"\n")
    died, _, reason = head.decode("utf-8", "replace").partition(" ")
    if not died.isdigit():
        raise UnreadableMessageError
    return DeadLetter(Message.parse(raw), reason, int(died))


def broken_letter(seq: int, record: bytes, died_ms: int) -> DeadLetter:
    """Stand in for a record that cannot be read, so that it can be listed, exported and dropped."""
    reason = "newer" if _NEWER.match(record) else "unreadable"
    message = Message(seq, "", "", "", "", 0, 0, 0, 0, 0, 0, 0, stale=False, history=(), payload=record)
    return DeadLetter(message, reason, died_ms, readable=False)


def read_history(history: tuple[str, ...]) -> list[dict[str, Any]]:
    """Read the attempts of a message, oldest first; an entry of another form is left out."""
    return [
        {
            "at_ms": attempt.at_ms,
            "attempt": attempt.number,
            "outcome": attempt.outcome + "?" * attempt.unknown,
            "reason": attempt.reason,
            "ms": attempt.took_ms,
        }
        for attempt in map(Attempt.parse, history)
        if attempt
    ]
