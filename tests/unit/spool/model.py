"""A queue that behaves as the script `enqueue` does, with a window of eids so small that it forgets at once."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from leadrelay.entry import Entry
from leadrelay.spool.drain import Drain
from leadrelay.spool.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence


class Killed(BaseException):
    """The drain's process dies here."""


class FakeQueue:
    """Accepts batches; `order` is what it was given, each event once if the drain is right."""

    def __init__(self, window: int = 3) -> None:
        self.order: list[str] = []
        self.batches: dict[str, str] = {}
        self.recent: deque[str] = deque(maxlen=window)

    def send(self, entries: Sequence[Entry], source: str, digest: str) -> None:
        again = self.batches.get(source) == digest
        for entry in entries:
            if not again and entry.eid not in self.recent:
                self.order.append(entry.eid)
                self.recent.append(entry.eid)
        self.batches[source] = digest

    def last_batch(self, source: str) -> str:
        return self.batches.get(source, "")


def event(number: int, size: int = 10) -> Entry:
    return Entry(f"{number:032x}", "", "s", b"x" * size, "d1", "signup")


def eids(numbers: Sequence[int]) -> list[str]:
    return [f"{number:032x}" for number in numbers]


def writer(folder, **options):
    return Writer(folder, **{"most_bytes": 10**9, **options})


def drained(folder):
    queue = FakeQueue()
    done = Drain(folder, queue.send, queue.last_batch).run()
    return queue.order, done
