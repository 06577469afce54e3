"""The canary: one event of our own that goes the way of all events, and is watched until it has arrived."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from leadrelay.queue.books import read_books

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadrelay.client import Client
    from leadrelay.queue import Queue

State = Literal["delivered", "dead", "under way", "ready"]

#: Its title, as it shows in LeadBoxer.
TITLE = "leadrelay canary"
#: Seconds between looks.
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of it.

    Args:
        eid: Its event id.
        at_ms: Broker time of its acceptance.
        state: Where it is.
        took_s: Until it was delivered or dead, or until nobody waited any longer.
        reason: Why it is dead.
    """

    eid: str
    at_ms: int
    state: State
    took_s: float
    reason: str = ""


def send(client: Client, wait: Callable[[float], Any], longest_s: float) -> Sent:
    """Send it and wait until it is delivered or dead, or for `longest_s` seconds.

    It has a lane of its own, which is watched as lanes of dead letters are: so its delivery shows, whatever else the
    queue holds. (Killed in between, this leaves one entry of some bytes behind.)

    Args:
        client: Of the configured dataset.
        wait: Sleeps for so many seconds.
        longest_s: The bound.

    Raises:
        InvalidEvent: There is no dataset id.
        NotAccepted: The queue did not take it.
    """
    queue = client.queue
    entry = client.entry(client.make(TITLE, {"proxy": True}))
    entry = replace(entry, lane=f"canary-{entry.eid}")
    watched = queue.keys.name("watched")
    queue.client.hset(watched, entry.lane, "1 0")
    state: State = "ready"
    reason = ""
    try:
        (receipt,) = queue.enqueue([entry])
        begun = now = queue.now_ms()
        while state not in ("delivered", "dead") and now - begun < longest_s * 1000:
            wait(_LOOK_S)
            state, reason = _look(queue, entry.lane, receipt.seq)
            now = queue.now_ms()
    finally:
        if state != "dead":
            queue.client.hdel(watched, entry.lane)
    return Sent(entry.eid, begun, state, (now - begun) / 1000, reason)


def _look(queue: Queue, lane: str, seq: int) -> tuple[State, str]:
    """Give where the canary is, and why it is dead."""
    seen: Any = queue.client.hget(queue.keys.name("watched"), lane)
    if seen and int(seen.split()[1]) >= seq:
        return "delivered", ""
    record: Any = queue.client.hget(queue.keys.name("dead"), str(seq))
    if record:
        return "dead", record.partition(b"\n")[0].decode().partition(" ")[2]
    return ("under way" if queue.client.hexists(queue.keys.name("lanes"), lane) else "ready"), ""


def hindrance(queue: Queue) -> str:
    """Say why a canary would not be sent now, "" when it would."""
    books = read_books(queue)
    if not books.workers:
        return "no worker runs"
    if books.sending.state in ("paused", "breaker open"):
        return f"sending is {books.sending.state} {books.sending.reason}".strip()
    return ""
