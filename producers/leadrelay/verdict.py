"""The verdict: do events flow, why not, since when, for how long there is room, and what to do. Pure.

`status`, `top` and the monitor's delivery page say the same, because all of it is said here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from leadrelay.queue.room import EVENT_BYTES
from leadrelay.queue.valve import ALL
from leadrelay.reports.columns import span
from leadrelay.times import shown_moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leadrelay.catchup import Estimate
    from leadrelay.queue import Books
    from leadrelay.queue.samples import Sample
    from leadrelay.queue.success import Success

#: Share of attempts that must be accepted for us to say that events flow.
GOOD_SHARE = 0.5
#: ms over which deaths are counted.
DEATHS_MS = 300_000
#: Seconds of room below which something is to be done at once.
SOON_S = 3600.0
_START = "start a worker, none is alive: leadrelay worker"

Level = Literal["ok", "warning", "problem"]
_LEVELS: tuple[Level, ...] = ("ok", "warning", "problem")


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was read of the queue.

    Args:
        books: As they are.
        before: Samples of at least the last 5 minutes, oldest first.
        now: The sample of the books.
        headroom_s: Seconds until new events are refused; None without an end in sight.
        left_bytes: Until then; infinite without a limit.
        caught_up: When nothing will wait.
        success: How well the latest attempts did.
        refuses: Why the broker refuses every write, ``""`` when it does not.
        rewinds: What the broker lost, in words.
    """

    books: Books
    before: Sequence[Sample]
    now: Sample
    headroom_s: float | None
    left_bytes: float
    caught_up: Estimate
    success: Success
    refuses: str = ""
    rewinds: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an operator reads first.

    Args:
        level: How bad it is.
        state: For machines: ``flows``, ``idle``, ``behind``, ``failing``, ``stopped``, ``paused``, ``no_workers``,
            ``full``, ``refused`` or ``away``.
        says: In a few words.
        why: The reason, ``""`` when all is well.
        since_ms: Broker time since which it is so, None when it is not known.
        until_ms: When it ends by itself, None when that is not known.
        also: What waits and how much room there is, ``""`` for nothing.
        to_do: What to do, with the command, the most urgent first; empty for nothing.
        press: The monitor's button that does the first of it: ``resume``, ``try`` or ``""``.
    """

    level: Level
    state: str
    says: str
    why: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    also: str = ""
    to_do: tuple[str, ...] = ()
    press: str = ""

    @property
    def headline(self) -> str:
        """Say what is so, and why."""
        return f"{self.says}{' ' if self.why.startswith('by ') else ': '}{self.why}" if self.why else self.says

    def flow(self, now_ms: int) -> str:
        """Say all but what is to be done, in one line; `now_ms` is broker time."""
        since = until = ""
        if self.since_ms:
            since = f", since {shown_moment(self.since_ms)} ({span(max(0, now_ms - self.since_ms) / 1000)})"
        if self.until_ms:
            until = f", until {shown_moment(self.until_ms)}"
        return f"{self.headline}{since}{until}{self.also and f'; {self.also}'}"

    def lines(self, now_ms: int) -> list[str]:
        """Give the lines that `status` and `top` begin with; `now_ms` is broker time."""
        to_do = self.to_do or ("nothing",)
        return [
            f"flow       {self.flow(now_ms)}",
            *(f"{'' if n else 'to do':10} {text}" for n, text in enumerate(to_do)),
        ]

    def document(self, now_ms: int) -> dict[str, Any]:
        """Give it in JSON; `now_ms` is broker time."""
        return asdict(self) | {"to_do": list(self.to_do), "headline": self.headline, "flow": self.flow(now_ms)}


def away(error: str, which: str) -> Verdict:
    """Judge a broker that does not answer.

    Args:
        error: How it failed.
        which: Which broker is meant, and by which setting.
    """
    to_do = f"check {which}: leadrelay doctor; meanwhile applications spool"
    return Verdict("problem", "away", "Events do not flow", error, to_do=(to_do,))


def judge(seen: Numbers) -> Verdict:
    """Judge a queue whose broker answers."""
    main = _main(seen)
    others = list(_others(seen, main))
    levels = [main.level, *(level for level, _ in others)]
    return replace(
        main,
        level=max(levels, key=_LEVELS.index),
        also="; ".join(part for part in (_waiting(seen, main), _room(seen, main)) if part),
        to_do=(*main.to_do, *(text for _, text in others)),
    )


def _main(seen: Numbers) -> Verdict:
    """Say whether new events are taken, and whether they flow."""
    if seen.refuses:
        do = "mend the broker, its log says what it needs: leadrelay doctor; meanwhile applications spool"
        return Verdict("problem", "refused", "Events do not flow", seen.refuses, to_do=(do,))
    flowing = _flowing(seen)
    if seen.left_bytes > 0:
        return flowing
    why = "the broker's memory is full" if flowing.level == "ok" else f"the broker's memory is full. {flowing.headline}"
    do = "give the broker more memory, or drop dead letters that nobody needs: leadrelay dead drop"
    refused = Verdict("problem", "full", "New events are refused", why, to_do=(do, *flowing.to_do))
    return replace(refused, since_ms=flowing.since_ms, until_ms=flowing.until_ms, press=flowing.press)


def _flowing(seen: Numbers) -> Verdict:
    """Say whether events flow: the first of these that is so."""
    books, sending = seen.books, seen.books.sending
    if sending.state == "paused":
        do = "nothing, it ends by itself; sooner" if sending.until_ms else "when the reason is gone"
        paused = Verdict("warning", "paused", "Sending is paused", sending.reason, sending.since_ms, sending.until_ms)
        return replace(paused, to_do=(f"{do}: leadrelay resume",), press="resume")
    if not books.workers:
        return _nobody(seen)
    if sending.state == "on":
        return _delivering(seen)
    of_all = any(breaker.key == ALL and breaker.state != "limited" for breaker in sending.breakers)
    says = "Events do not flow" if of_all else "Some events do not flow"
    do = "nothing, one event at a time tries whether the endpoint is back; to try now: leadrelay resume"
    look = "see what the endpoint answers: leadrelay doctor"
    return Verdict("problem", "stopped", says, sending.reason, sending.since_ms, to_do=(do, look), press="try")


def _nobody(seen: Numbers) -> Verdict:
    """Say that no worker is alive, and since when."""
    sending, waits = seen.books.sending, _waits(seen.books)
    heard = [sample.at_ms for sample in seen.before if sample.workers]
    since = max([*heard, *filter(None, [seen.books.worker_heard_ms])], default=None)
    why = "no worker is alive" if sending.state == "on" else f"no worker is alive (before that: {sending.reason})"
    nobody = Verdict("problem", "no_workers", "Events do not flow", why, since, to_do=(_START,))
    return nobody if waits else replace(nobody, level="warning", says="Nothing waits, and nobody would send it")


def _delivering(seen: Numbers) -> Verdict:
    """Say how well events flow."""
    sending, waits = seen.books.sending, _waits(seen.books)
    share = seen.success.share
    if waits and share is not None and share < GOOD_SHARE:
        why = f"{1 - share:.0%} {seen.success.of} failed"
        do = "see what the endpoint answers: leadrelay doctor, and the worker's log"
        return Verdict("warning", "failing", "Events hardly flow", why, to_do=(do,))
    if waits and seen.caught_up.reason.startswith("not catching up"):
        do = "start more workers: leadrelay worker"
        do = f"raise the ceiling of {sending.ceiling:g} events/s: leadrelay rate" if sending.ceiling else do
        return Verdict("warning", "behind", "Events flow, more slowly than they come", to_do=(do,))
    says = "Events flow" if waits else "Events flow: none waits"
    return Verdict("ok", "flows" if waits else "idle", says, sending.reason, sending.since_ms)


def _others(seen: Numbers, main: Verdict) -> Iterator[tuple[Level, str]]:
    """Yield what is to be done beside the main thing."""
    if main.state != "full" and seen.headroom_s is not None and seen.headroom_s < SOON_S:
        yield "problem", f"give the broker more memory: in {span(seen.headroom_s)} it refuses new events"
    for found in (*seen.books.findings(), *seen.rewinds):
        yield "problem", f"leadrelay verify: {found}"
    if not seen.books.workers and main.state != "refused" and _START not in main.to_do:
        yield "warning", _START
    for breaker in seen.books.sending.breakers:
        if breaker.key.startswith("@") and breaker.state == "open":
            yield "warning", f"look at the worker {breaker.key[1:]}, which is stopped: {breaker.reason}"
    died = _deaths(seen)
    if died:
        yield "warning", f"see why {died:,} event{'s' * (died != 1)} died in the last 5 min: leadrelay dead list"


def _waiting(seen: Numbers, main: Verdict) -> str:
    """Say what waits and for how long."""
    waits = _waits(seen.books)
    if not waits:
        return ""
    caught_up = seen.caught_up
    if main.state == "behind":
        return f"{waits:,} wait: {caught_up.reason.partition(': ')[2]}"
    soon = main.state in ("flows", "failing") and caught_up.seconds
    return f"{waits:,} wait" + (f", caught up in about {span(caught_up.seconds)}" if soon else "")


def _room(seen: Numbers, main: Verdict) -> str:
    """Say for how long there is room: by the growth, else, when nothing leaves, in events."""
    if main.state in ("full", "refused"):
        return ""
    if seen.headroom_s is not None:
        return f"full in {span(seen.headroom_s)} as it grows now"
    if main.level == "ok" or seen.left_bytes == float("inf"):
        return ""
    return f"room for about {float(f'{seen.left_bytes / EVENT_BYTES:.1e}'):,.0f} more"


def _waits(books: Books) -> int:
    return books.backlog + books.inbox + books.in_flight


def _deaths(seen: Numbers) -> int:
    """Count the deaths of the last moments; a counter that went back says nothing."""
    first = next((sample for sample in seen.before if seen.now.at_ms - sample.at_ms <= DEATHS_MS), seen.now)
    return max(0, seen.now.dead - first.dead)
