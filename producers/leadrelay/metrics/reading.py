"""Reading what the metrics of the queue say: the broker is asked at most once a second, for what costs more less often.

A reading is one script for the books, four lengths of the inbox, INFO memory and a part of the report's rows (for the
reasons of death), whatever waits. The doctor judges broker and queue every 30 s.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from leadrelay.doctor import Facts, broker_facts, examine
from leadrelay.doctor.facts import QueueFacts
from leadrelay.queue import DeadLetters
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
#: Seconds between two judgements of the doctor, which cost ten round trips.
SLOW_S = 30.0
#: Parts of the report's rows, of 1,000, that one reading goes through.
_PARTS = 2
#: Seconds over which the growth of the queue is taken.
GROWTH_S = 300.0
#: Checks of what an exporter need not have.
_NOT_HERE = frozenset({"dataset"})


@dataclass(frozen=True)
class Reading:
    """The queue at one moment.

    Args:
        books: At that moment.
        before: The books at most `GROWTH_S` earlier, the same at first.
        memory: INFO memory.
        replays: Those recorded.
        rewinds: What the broker lost, in words.
        reasons: Dead letters by reason a little earlier, None before that is known.
        findings: Of the doctor, at most `SLOW_S` ago.
        took_s: How long it took.
    """

    books: Books
    before: Books
    memory: Mapping[str, Any]
    replays: tuple[Record, ...] = ()
    rewinds: tuple[str, ...] = ()
    reasons: Mapping[str, int] | None = None
    findings: tuple[Finding, ...] = ()
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
        self._findings: tuple[Finding, ...] = ()
        self._reasons = Reasons(queue)
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
            self._findings = tuple(self._examine(books))
            self._slow_at = now
        self._reasons.advance()
        return Reading(
            books=books,
            before=self._before(books),
            memory=self.queue.memory(),
            replays=tuple(read_records(DeadLetters(self.queue))),
            rewinds=tuple(rewinds(self.queue, books)),
            reasons=self._reasons.known,
            findings=self._findings,
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

    def _examine(self, books: Books) -> list[Finding]:
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


class Reasons:
    """Dead letters by reason, added up over the report's rows: some thousand at a time, so that no reading waits."""

    def __init__(self, queue: Queue) -> None:
        """Nothing is known before the first pass is over."""
        self._queue = queue
        self._cursor = b"0"
        self._counted: Counter[str] = Counter()
        self.known: Mapping[str, int] | None = None

    def advance(self) -> None:
        """Go on with a pass, or begin the next one; errors as `Queue.run`."""
        for _ in range(_PARTS):
            self._cursor, *pairs = self._queue.run("reasons", self._cursor)
            for reason, number in zip(pairs[::2], pairs[1::2], strict=True):
                self._counted[reason.decode()] += int(number)
            if self._cursor == b"0":
                self.known, self._counted = dict(self._counted), Counter()
                return
