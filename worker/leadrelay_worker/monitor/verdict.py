"""The answer at the top of the delivery page: do events flow, why not, and what to press. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leadrelay.queue import Books

#: Share of attempts that must be accepted for us to say that events flow.
GOOD_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an operator reads first.

    Args:
        level: ``ok``, ``warning`` or ``problem``; its colour.
        says: In a few words.
        why: The reason, ``""`` when all is well.
        since_ms: Broker time since which it is so, None when it is not known.
        do: What to do about it, ``""`` for nothing.
        press: The button that does it: ``resume``, ``try`` or ``""``.
    """

    level: str
    says: str
    why: str = ""
    since_ms: int | None = None
    do: str = ""
    press: str = ""

    def document(self) -> dict[str, Any]:
        """Give it in JSON."""
        return asdict(self)


def verdict(books: Books, *, success: float | None, full: bool, last_worker_ms: int | None) -> Verdict:
    """Judge.

    Args:
        books: As they are.
        success: Share of the latest attempts that were accepted, None when there were none.
        full: The broker refuses new events.
        last_worker_ms: When a worker was seen last, None when that is not known.
    """
    sending = books.sending
    waits = books.backlog + books.inbox + books.in_flight
    since = sending.since_ms
    if full:
        do = "Give the broker more memory, or drop dead letters that nobody needs."
        return Verdict("problem", "New events are refused", "the broker's memory is full", do=do)
    if sending.state == "paused":
        do = "It ends by itself." if sending.until_ms else "Press Resume when the reason is gone."
        return Verdict("warning", "Sending is paused", sending.reason, since, do, "resume")
    if sending.state != "on":
        do = "There is nothing to do: one event at a time tries whether the endpoint is back. Or press Try now."
        return Verdict("problem", "Events do not flow", sending.reason, since, do, "try")
    if not books.workers:
        level, says = ("problem", "Events do not flow") if waits else ("warning", "Nothing waits, but nobody sends")
        return Verdict(level, says, "no worker is alive", last_worker_ms, "Start one: leadrelay worker")
    if waits and success is not None and success < GOOD_SHARE:
        do = "See what the endpoint answers: the tasks page has each attempt."
        return Verdict("warning", "Events hardly flow", f"{1 - success:.0%} of the latest attempts failed", since, do)
    return Verdict("ok", "Events flow" if waits else "Events flow: none waits", sending.reason, since)
