"""Reading what the metrics of the queue say: the broker is asked at most once a second, for what costs more less often.

A reading is one script for the books, four lengths of the inbox and INFO memory, whatever waits. Reasons of death are
added up over the report's rows, and the doctor judges broker and queue, every 30 s.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.doctor import Facts, broker_facts, examine
from leadrelay.doctor.facts import QueueFacts
from leadrelay.queue import DeadLetters, scripts
from leadrelay.queue.books import read_books
from leadrelay.queue.replay import read_records
from leadrelay.queue.verify import rewinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadrelay.doctor import Finding
    from leadrelay.queue import Books, Queue
    from leadrelay.queue.replay import Record
    from leadrelay.settings import Settings

#: Seconds for which a reading serves every scrape.
FRESH_S = 1.0
#: Seconds between looks at what changes slowly and costs more.
SLOW_S = 30.0
#: Seconds over which the growth of the queue is taken.
GROWTH_S = 300.0
#: Checks of what an exporter need not have.
_NOT_HERE = frozenset({"dataset"})


@dataclass(frozen=True)
class Slow:
    """What is looked at every `SLOW_S`: dead letters by reason, and what the doctor finds."""

    reasons: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Reading:
    """The queue at one moment.

    Args:
        books: At that moment.
        before: The books at most `GROWTH_S` earlier, the same at first.
        memory: INFO memory.
        replays: Those recorded.
        rewinds: What the broker lost, in words.
        slow: What was looked at a little earlier.
        took_s: How long it took.
    """

    books: Books
    before: Books
    memory: Mapping[str, Any]
    replays: tuple[Record, ...] = ()
    rewinds: tuple[str, ...] = ()
    slow: Slow = field(default_factory=Slow)
    took_s: float = 0.0


class Reader:
    """Reads one queue for any number of scrapes.

    Args:
        queue: The queue; its witness, if it has one, is told how far the broker is.
        settings: This process's.
    """

    def __init__(self, queue: Queue, settings: Settings) -> None:
        """See the class."""
        self.queue = queue
        self._settings = settings
        self._lock = Lock()
        self._read_at = self._slow_at = float("-inf")
        self._reading: Reading | None = None
        self._slow = Slow()
        self._earlier: deque[Books] = deque()

    def read(self) -> Reading:
        """Give a reading that is at most `FRESH_S` old.

        Raises:
            NotAccepted, redis.RedisError: The broker cannot be read.
        """
        with self._lock:
            now = time.monotonic()
            if self._reading is None or now - self._read_at >= FRESH_S:
                self._reading = self._read(now)
                self._read_at = now
            return self._reading

    def _read(self, now: float) -> Reading:
        began = time.perf_counter()
        books = self._books()
        if now - self._slow_at >= SLOW_S:
            self._slow = Slow(read_reasons(self.queue), tuple(self._findings(books)))
            self._slow_at = now
        return Reading(
            books=books,
            before=self._before(books),
            memory=self._memory(),
            replays=tuple(read_records(DeadLetters(self.queue))),
            rewinds=tuple(rewinds(self.queue, books)),
            slow=self._slow,
            took_s=time.perf_counter() - began,
        )

    def _books(self) -> Books:
        witness = self.queue.witness
        before = witness.highest() if witness else (0, 0, 0)
        books = read_books(self.queue)
        if witness:
            witness.observe(books.epoch, books.seq, before)
        return books

    def _before(self, books: Books) -> Books:
        """Give the oldest books of the last `GROWTH_S`; another epoch is another queue."""
        earlier = self._earlier
        earlier.append(books)
        while earlier[0].epoch != books.epoch or books.now_ms - earlier[0].now_ms > GROWTH_S * 1000:
            earlier.popleft()
        return earlier[0]

    def _memory(self) -> dict[str, Any]:
        try:
            return dict(self.queue.client.info("memory"))
        except exceptions.RedisError as error:
            raise scripts.translate(error) from error

    def _findings(self, books: Books) -> list[Finding]:
        settings = self._settings
        before = self._earlier[0] if self._earlier else books
        facts = Facts(
            namespace=settings.namespace,
            dataset_id=None,
            timeout_s=settings.timeout_ms / 1000,
            bounded=settings.dead_max is not None or settings.dead_max_age is not None,
            broker=broker_facts(self.queue.client),
            queue=QueueFacts(before, books),
        )
        return [finding for finding in examine(facts) if finding.check not in _NOT_HERE]


def read_reasons(queue: Queue) -> dict[str, int]:
    """Add up the dead letters by reason over the days of reports; errors as `Queue.run`."""
    cursor, reasons = b"0", dict[str, int]()
    while True:
        cursor, *pairs = queue.run("reasons", cursor)
        for reason, number in zip(pairs[::2], pairs[1::2], strict=True):
            reasons[reason.decode()] = reasons.get(reason.decode(), 0) + int(number)
        if cursor == b"0":
            return reasons
