"""`leadrelay status`."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from leadrelay.catchup import Estimate, estimate
from leadrelay.cli import sending, spool
from leadrelay.cli.common import json_option, moment, open_queue, say, show, span
from leadrelay.errors import BrokerUnavailable
from leadrelay.queue import room
from leadrelay.queue.books import read_books
from leadrelay.queue.hot import HotLane, hot_lanes
from leadrelay.queue.samples import Sample, Samples, sample_of
from leadrelay.queue.scripts import refusal
from leadrelay.queue.success import Success, success_of
from leadrelay.queue.verify import rewinds
from leadrelay.reports.columns import share
from leadrelay.settings import Settings
from leadrelay.verdict import Numbers, Verdict, away, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from leadrelay.queue import Books, Queue

#: Seconds of samples that the estimate of catching up looks at.
_DAY_S = 86_400
#: Seconds between two looks at a queue of which no samples are known.
_AGAIN_S = 0.5


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Say whether events flow, what waits, and whether the books balance."""
    settings = Settings.load()
    try:
        seen = look(open_queue(), _AGAIN_S)
    except BrokerUnavailable as error:
        _tell_away(settings, error, as_json=as_json)
        raise
    if as_json:
        show(seen.document() | {"spool": spool.document(settings)})
        return
    for line in [*seen.verdict.lines(seen.books.now_ms), *seen.lines(), *spool.lines(settings), *seen.broker_lines()]:
        say(line)


def _tell_away(settings: Settings, error: BrokerUnavailable, *, as_json: bool) -> None:
    """Say what can be said without the broker."""
    judged, now_ms = away(str(error), settings.broker_shown()), int(time.time() * 1000)
    if as_json:
        unknown = {"catch_up_s": None, "catch_up_reason": "the broker cannot be reached", "headroom_s": None}
        show({"verdict": judged.document(now_ms), **unknown, "spool": spool.document(settings)})
        return
    for line in [*judged.lines(now_ms), *spool.lines(settings)]:
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
        verdict: Whether events flow, and what to do.
    """

    books: Books
    memory: dict[str, Any]
    headroom_s: float | None
    caught_up: Estimate
    hot: Sequence[HotLane]
    success: Success
    verdict: Verdict

    def document(self) -> dict[str, Any]:
        """Give `status --json`, without what lies in this home."""
        books, seconds = self.books, self.caught_up.seconds
        return {
            "verdict": self.verdict.document(books.now_ms),
            "ledger": books.ledger(),
            "sending": sending.document(books.sending),
            "lag_s": books.lag_s,
            "success": self.success._asdict(),
            "catch_up_s": None if seconds is None else round(seconds, 1),
            "catch_up_reason": self.caught_up.reason or None,
            "headroom_s": self.headroom_s,
            "workers": books.workers,
            "clock_set": _clock_document(books),
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
        if self.books.clock_set_lately:
            yield f"clock      {clock_told(self.books)}"
        yield f"memory     {used / 1e6:,.0f} MB{limit}{full}"
        findings = self.books.findings()
        yield "books      balanced" if self.books.balanced else "books      NOT balanced: " + "; ".join(findings)


def look(queue: Queue, again_s: float = 0.0, earlier: Books | None = None) -> Seen:
    """Look at a queue; errors as `scripts.run`.

    Args:
        queue: The queue.
        again_s: Seconds after which to look once more where there are no samples yet, to see how it moves.
        earlier: Books of a look before, in place of samples where there are none.
    """
    samples = Samples(queue)
    before, books = samples.read(_DAY_S), read_books(queue)
    if not before and earlier:
        before = [sample_of(earlier)]
    elif not before and again_s and books.accepted:
        before = [sample_of(books)]
        time.sleep(again_s)
        books = read_books(queue)
    memory = queue.memory()
    caught_up = estimate(before, sample_of(books), samples.due(books.due_now_ms), books.sending)
    numbers = numbers_of(queue, books, before, memory, caught_up)
    return Seen(books, memory, numbers.headroom_s, caught_up, hot_lanes(queue), numbers.success, judge(numbers))


def numbers_of(
    queue: Queue, books: Books, before: Sequence[Sample], memory: Mapping[str, Any], caught_up: Estimate
) -> Numbers:
    """Give what the verdict judges; errors as `scripts.run`.

    Args:
        queue: The queue.
        books: Its books.
        before: Samples before them, oldest first.
        memory: INFO memory.
        caught_up: The estimate by these.
    """
    now = sample_of(books)
    return Numbers(
        books=books,
        before=before,
        now=now,
        headroom_s=room.headroom_of(before, now, memory),
        left_bytes=room.left_bytes(room.limit_bytes(memory), memory["used_memory"]),
        caught_up=caught_up,
        success=success_of([*(sample for sample in before if sample.at_ms < now.at_ms), now]),
        refuses=refusal(queue.client, queue.keys.name("ledger")),
        rewinds=rewinds(queue, books),
    )


def clock_told(books: Books) -> str:
    """Say for people how the broker's clock was set last."""
    back = books.clock_set_by_ms < 0
    what = "scheduled events wait no longer by it" if back else "scheduled events may come earlier by it"
    length = span(abs(books.clock_set_by_ms) / 1000)
    set_by = f"the broker's was set {'back' if back else 'forward'} by {length} at {moment(books.clock_set_at_ms)}"
    return f"{set_by}: {what}, and for a day nothing is dropped for its age"


def _clock_document(books: Books) -> dict[str, Any] | None:
    if not books.clock_set_lately:
        return None
    return {"at": books.clock_set_at_ms, "by_s": books.clock_set_by_ms / 1000}


def _when(caught_up: Estimate) -> str:
    later = f", {caught_up.later:,} scheduled for later" if caught_up.later else ""
    if caught_up.seconds is None:
        return f"nobody can say when: {caught_up.reason}{later}"
    if not caught_up.seconds:
        return f"now, but for {caught_up.later:,} scheduled for later"
    return f"in about {span(caught_up.seconds)}{later}" + (f" ({caught_up.reason})" if caught_up.reason else "")
