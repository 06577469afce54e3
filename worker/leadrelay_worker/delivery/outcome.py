"""What an attempt can come to, in the design's five words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: accepted: the endpoint has it. transient: try again. throttled: try again, later. misconfigured: not this event's
#: fault, as far as one event can tell. rejected: this event will never be accepted.
Outcome = Literal["accepted", "transient", "throttled", "misconfigured", "rejected"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What an attempt saw.

    Args:
        status: HTTP status, None when there was no answer.
        body: What was read of it.
        failure: Why there was no answer: ``timeout``, ``connect``, ``dns``, ``tls``, ``cut`` or ``internal:<class>``.
        retry_after: The header of that name.
        unknown: The request may have been accepted although no answer came.
    """

    status: int | None = None
    body: bytes = b""
    failure: str | None = None
    retry_after: str | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """An attempt, classified.

    Args:
        outcome: One of five.
        reason: A short class for logs and dead letters, such as ``http_503``.
        other_id: The endpoint answered with another id than the event's.
    """

    outcome: Outcome
    reason: str
    other_id: bool = False
