"""Dead letters for tests: real events that really die."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from leadrelay.queue import Entry, Queue, Settlement
from leadrelay.queue.core import MOST_AT_ONCE

from tests.chaos.processes import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from leadrelay.queue.letter import DeadLetter

LANE = "a" * 16
_requests = itertools.count()


def event(number: int, lane: str = "", **wire: Any) -> Entry:
    """Give an event with the eid `number`."""
    eid = f"{number:032x}"
    texts = {"si": "d1", "ti": "signup", **wire, "eid": eid}
    return Entry(eid, lane, "11111111", json.dumps(texts).encode())


def go_out(queue: Queue, kind: str = "delivered", argument: str = "", limit: int = 1000) -> list[int]:
    """Claim what can be claimed and settle all of it alike; gives the sequence numbers in order."""
    claim = queue.claim("w", f"c{next(_requests)}", limit, 10**9, 0)
    code = {"delivered": "accepted:http_200", "dead": "misconfigured:http_403"}.get(kind, "transient:http_503")
    settlements = [Settlement(claimed.token, kind, argument, f"1:1:{code}:5") for claimed in claim.messages]  # type: ignore[arg-type]
    if settlements:
        queue.settle("w", f"s{next(_requests)}", settlements)
    return [claimed.message.seq for claimed in claim.messages]


def die(queue: Queue, entries: Sequence[Entry], reason: str = "refused") -> list[int]:
    """Let events be accepted and die; those of one lane one after the other."""
    died: list[int] = []
    for start in range(0, len(entries), MOST_AT_ONCE):
        queue.enqueue(entries[start : start + MOST_AT_ONCE])
        while gone := go_out(queue, "dead", reason):
            died += gone
    assert len(died) == len(entries), "all of them died, and nothing else was waiting"
    return sorted(died)


def seqs(found: Iterable[DeadLetter]) -> list[int]:
    """Give the sequence numbers of letters."""
    return [letter.message.seq for letter in found]


def on(_seconds: float) -> bool:
    """Wait for a run's next step; nobody stops it."""
    return False


def stop_after(looks: int) -> Callable[[float], bool]:
    """Give a wait that is stopped after so many steps."""
    left = iter(range(looks))
    return lambda _: next(left, None) is None


def a_moment(queue: Queue) -> None:
    """Let the broker's clock move on by a ms."""
    before = queue.now_ms()
    until(lambda: queue.now_ms() > before, "a ms has passed")
