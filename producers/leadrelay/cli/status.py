"""`leadrelay status`."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from math import inf
from typing import TYPE_CHECKING, Any

import click

from leadrelay.catchup import Estimate, estimate
from leadrelay.cli import sending, spool
from leadrelay.cli.common import json_option, open_queue, say, show, span
from leadrelay.errors import BrokerUnavailable
from leadrelay.queue import room
from leadrelay.queue.books import read_books
from leadrelay.queue.hot import HotLane, hot_lanes
from leadrelay.queue.samples import Sample, Samples, sample_of
from leadrelay.queue.success import Success, success_of
from leadrelay.reports.columns import share
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leadrelay.queue import Books, Queue

#: Seconds of samples that the estimate of catching up looks at.
_DAY_S = 86_400
#: Seconds between two looks at a queue of which no samples are known.
_AGAIN_S = 0.5
#: ms back to the sample from which growth is taken.
_GROWTH_MS = 300_000


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Say whether events flow, what waits, and whether the books balance."""
    settings = Settings.load()
    try:
        seen = look(open_queue(), _AGAIN_S)
    except BrokerUnavailable:
        if as_json:
            unknown = {"catch_up_s": None, "catch_up_reason": "the broker cannot be reached", "headroom_s": None}
            show(unknown | {"spool": spool.document(settings)})
        else:
            say("\n".join(spool.lines(settings)))
        raise
    if as_json:
        show(seen.document() | {"spool": spool.document(settings)})
        return
    for line in [*seen.lines(), *spool.lines(settings), *seen.broker_lines()]:
        say(line)


@dataclass(frozen=True, slots=True)
class Seen:
    """A queue at one moment.

    Args:
        books: Its books.
        memory: INFO memory of its broker.
        headroom_s: Seconds until new events are refused; None without an end in sight.
        caught_up: When nothing will wait.
        hot: Lanes that hold back many events.
        success: How well the latest attempts did.
    """

    books: Books
    memory: dict[str, Any]
    headroom_s: float | None
    caught_up: Estimate
    hot: Sequence[HotLane]
    success: Success

    def document(self) -> dict[str, Any]:
        """Give `status --json`, without what lies in this home."""
        books, seconds = self.books, self.caught_up.seconds
        return {
            "ledger": books.ledger(),
            "sending": sending.document(books.sending),
            "lag_s": books.lag_s,
            "success": self.success._asdict(),
            "catch_up_s": None if seconds is None else round(seconds, 1),
            "catch_up_reason": self.caught_up.reason or None,
            "headroom_s": self.headroom_s,
            "workers": books.workers,
            "hot_lanes": [asdict(lane) for lane in self.hot],
            "memory": {"used": self.memory["used_memory"], "max": self.memory["maxmemory"] or None},
        }

    def lines(self) -> Iterator[str]:
        """Say for people what waits, and how it moves."""
        books = self.books
        yield from sending.lines(books.sending, books.now_ms)
        waiting = f"{books.ready:,} ready, {books.scheduled:,} scheduled, {books.held:,} held"
        yield f"backlog    {books.backlog:,} events: {waiting}"
        for lane in self.hot:
            yield f"lane       {lane.lane} holds back {lane.held:,} of them; see `leadrelay doctor`"
        yield f"lag        {span(books.lag_s)}"
        if self.caught_up.seconds != 0 or self.caught_up.later:
            yield f"caught up  {_when(self.caught_up)}"
        yield self.success_line()
        yield f"in flight  {books.in_flight:,} with {books.workers} worker{'s' * (books.workers != 1)}"
        yield f"dead       {books.dead:,}" + (f"   inbox {books.inbox:,}" if books.inbox else "")
        yield f"delivered  {books.delivered:,} of {books.accepted:,} accepted, {books.dropped:,} dropped"

    def success_line(self) -> str:
        """Say for people how well the latest attempts did."""
        accepted = "" if self.success.share is None else f"{share(self.success.share, 1)} "
        return f"success    {accepted}{self.success.of}"

    def broker_lines(self) -> Iterator[str]:
        """Say for people how the broker is."""
        used, most = self.memory["used_memory"], self.memory["maxmemory"]
        limit = f" of {most / 1e6:,.0f} MB" if most else ""
        full = "" if self.headroom_s is None else f", full in {span(self.headroom_s)} as it grows now"
        yield f"memory     {used / 1e6:,.0f} MB{limit}{full}"
        findings = self.books.findings()
        yield "books      balanced" if self.books.balanced else "books      NOT balanced: " + "; ".join(findings)


def look(queue: Queue, again_s: float = 0.0) -> Seen:
    """Look at a queue; errors as `scripts.run`.

    Args:
        queue: The queue.
        again_s: Seconds after which to look once more where there are no samples yet, to see how it moves.
    """
    samples = Samples(queue)
    before, books = samples.read(_DAY_S), read_books(queue)
    if again_s and books.accepted and not before:
        before = [sample_of(books)]
        time.sleep(again_s)
        books = read_books(queue)
    memory, now = queue.memory(), sample_of(books)
    caught_up = estimate(before, now, samples.due(books.now_ms), books.sending)
    success = success_of([*(sample for sample in before if sample.at_ms < now.at_ms), now])
    return Seen(books, memory, headroom_of(before, now, memory), caught_up, hot_lanes(queue), success)


def headroom_of(before: Sequence[Sample], now: Sample, memory: dict[str, Any]) -> float | None:
    """Give the seconds until the broker is full, as it grew lately; None without an end in sight.

    Args:
        before: Earlier samples, the oldest first.
        now: The present one.
        memory: INFO memory.
    """
    left = room.left_bytes(room.limit_bytes(memory), memory["used_memory"])
    latest = before[-1] if before else now  # without workers none is taken, and it is then that a queue grows
    first = next((sample for sample in before if now.at_ms - sample.at_ms <= _GROWTH_MS), latest)
    seconds = room.headroom_s(left, room.growth_per_s(first, now, now.at_ms - first.at_ms))
    return None if seconds == inf else round(seconds, 1)


def _when(caught_up: Estimate) -> str:
    later = f", {caught_up.later:,} scheduled for later" if caught_up.later else ""
    if caught_up.seconds is None:
        return f"nobody can say when: {caught_up.reason}{later}"
    return f"in about {span(caught_up.seconds)}{later}" + (f" ({caught_up.reason})" if caught_up.reason else "")
