"""Samples of the books over time: the last hour every 10 s, the last day every 2 min.

They lie in the broker, so they outlive workers, restarts and takeovers. Each step of time takes one sample, whoever
brings it; what the lists hold is bounded: 1,080 samples of about 160 bytes.
"""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass, field, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.queue import scripts
from leadrelay.queue.books import read_books

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leadrelay.queue.books import Books
    from leadrelay.queue.core import Queue

#: Changes with the fields of `Sample`; what another version wrote is passed over.
VERSION = 1
#: Of each resolution, in the order of `Keys.samples`: ms between two samples, and how many are kept.
RESOLUTIONS = ((10_000, 360), (120_000, 720))
#: Spans of time in which what is scheduled is counted, from 1 s on: the longest ends after 36 h.
DUE_SPANS = 18
#: ms between two samples at the finest.
STEP_MS = RESOLUTIONS[0][0]


@dataclass(frozen=True, slots=True)
class Sample:
    """The books at one moment. Counters only grow (until a broker loses its data); the rest is as it stood.

    Args:
        at_ms: Broker time.
        accepted: Counter of events accepted.
        delivered: Counter of events delivered.
        dead: Counter of deaths: an event that was replayed and died again counts twice.
        dropped: Counter of events dropped.
        retried: Counter of attempts that were to be made again.
        ready: Events in the four lists.
        bulk: Those of them that were imported and not tried yet.
        scheduled: Events that wait for their next attempt.
        held: Events behind their lane or their dataset's breaker.
        in_flight: Events that workers hold.
        inbox: Messages of plain Celery producers.
        dead_now: Dead letters.
        lag_s: Age of the oldest event at the head of a list, in seconds.
        workers: Workers with a lease.
        sending: State of sending, as `Sending.state`.
        rate: Events a second at most, None when nothing limits them.
        ceiling: Events a second that are never exceeded, by setting or by an operator's command; None for none.
        good: Events a second known to be good, up to which a slow start doubles its rate; 0 when nobody said.
        attempts: Counters of attempts by outcome: accepted, transient, throttled, misconfigured, rejected.
    """

    at_ms: int
    accepted: int = 0
    delivered: int = 0
    dead: int = 0
    dropped: int = 0
    retried: int = 0
    ready: int = 0
    bulk: int = 0
    scheduled: int = 0
    held: int = 0
    in_flight: int = 0
    inbox: int = 0
    dead_now: int = 0
    lag_s: float = 0.0
    workers: int = 0
    sending: str = "on"
    rate: float | None = None
    ceiling: float | None = None
    good: float = 0.0
    attempts: Mapping[str, int] = field(default_factory=dict)


def sample_of(books: Books) -> Sample:
    """Give the sample of books that were read just now."""
    same = ("accepted", "delivered", "dropped", "retried", "ready", "scheduled", "held", "in_flight", "inbox")
    return Sample(
        at_ms=books.now_ms,
        **{name: getattr(books, name) for name in same},
        dead=books.died,
        bulk=books.lengths["bulk"],
        dead_now=books.dead,
        lag_s=round(books.lag_s, 1),
        workers=books.workers,
        sending=books.sending.state,
        rate=books.sending.rate,
        ceiling=books.sending.ceiling,
        attempts=books.attempts,
    )


class Samples:
    """The samples of one queue."""

    def __init__(self, queue: Queue) -> None:
        """Of `queue`."""
        self._queue = queue

    def record(self, *, ceiling: float | None = None, good: float = 0.0) -> bool:
        """Take a sample; errors as `scripts.run`.

        Args:
            ceiling: As the controller knows it, its setting and the operator's command together.
            good: The rate that the controller knows to be good.

        Returns:
            False when its step of time has one already.
        """
        sample = sample_of(read_books(self._queue))
        sample = replace(sample, good=round(good, 3), ceiling=sample.ceiling if ceiling is None else ceiling)
        text = json.dumps([VERSION, *astuple(sample)], separators=(",", ":"))
        bounds = [number for resolution in RESOLUTIONS for number in resolution]
        return bool(self._queue.run("sample", sample.at_ms, text, *bounds, extra_keys=self._queue.keys.samples))

    def due(self, now_ms: int) -> list[tuple[float, int]]:
        """Count what is scheduled by when it is due: (seconds from now, events), in order.

        Events are counted in spans that double, each told at its middle; errors as `scripts.run`.

        Args:
            now_ms: `Books.due_now_ms`.
        """
        spans = list(pairwise([0.0, *(2.0**power for power in range(DUE_SPANS)), float("inf")]))
        pipe = self._queue.client.pipeline(transaction=False)
        for start, end in spans:
            least = f"({now_ms + start * 1000}" if start else "-inf"
            pipe.zcount(self._queue.keys.name("scheduled"), least, now_ms + end * 1000)
        try:
            numbers = pipe.execute()
        except exceptions.RedisError as error:
            raise scripts.translate(error) from error
        middles = [(start + min(end, 2 * start or 1.0)) / 2 for start, end in spans]
        return [(middle, number) for middle, number in zip(middles, numbers, strict=True) if number]

    def read(self, since_s: float) -> list[Sample]:
        """Give the samples of the last `since_s` seconds, oldest first.

        Those of the last hour every 10 s, those before it every 2 min.

        Raises:
            BrokerUnavailable: As `scripts.run`.
        """
        pipe = self._queue.client.pipeline(transaction=False)
        for key, (step, kept) in zip(self._queue.keys.samples, RESOLUTIONS, strict=True):
            pipe.lrange(key, 0, min(kept, int(since_s * 1000) // step + 1))
        try:
            fine, coarse = map(_parse, pipe.execute())
            oldest_ms = self._queue.now_ms() - int(since_s * 1000)
        except exceptions.RedisError as error:
            raise scripts.translate(error) from error
        before = fine[0].at_ms if fine else float("inf")
        joined = [*(sample for sample in coarse if sample.at_ms < before), *fine]
        return [sample for sample in joined if sample.at_ms >= oldest_ms]


def _parse(rows: Sequence[bytes]) -> list[Sample]:
    found = []
    for row in reversed(rows):
        version, *values = json.loads(row.partition(b" ")[2])
        if version == VERSION:
            named: dict[str, Any] = dict(zip((one.name for one in fields(Sample)), values, strict=True))
            found.append(Sample(**named))
    return found
