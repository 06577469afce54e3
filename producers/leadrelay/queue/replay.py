"""Replaying many dead letters: a recorded run that can be stopped, and goes on where it stood.

The record (hash ``replays``) says when the run began, by whom, of what, and how many it has put back; the count is
written by the script that moves them. Letters that die again after the run began are not its own, so it never loops;
the same filter again goes on with the same run until it has come to its end.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from leadrelay.queue.books import read_books
from leadrelay.queue.dead import BATCH, Replayed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from leadrelay.queue.core import Queue
    from leadrelay.queue.dead import DeadLetters
    from leadrelay.queue.letter import DeadLetter
    from leadrelay.queue.selection import Selection

#: Steps a second at a rate: a stop is obeyed within one, and the endpoint sees no bursts.
STEPS_PER_S = 4


#: Looks at the broker's clock, a ms apart, until the ms of the beginning must be over, unless the clock went back.
_LOOKS = 10

_NOTHING = Replayed()


@dataclass(frozen=True, slots=True)
class Record:
    """A recorded replay.

    Args:
        id: Stands for its filter.
        state: ``running``, ``stopped`` or ``done``; what was killed still says ``running``.
        begun_ms: Broker time.
        step_ms: Of its last step.
        replayed: Letters put back so far.
        since_ms: Bounds as they were understood when it began.
        until_ms: The same.
        by: Who began it.
        what: Its filter, in words without personal data.
    """

    id: str
    state: str
    begun_ms: int
    step_ms: int
    replayed: int
    since_ms: int | None
    until_ms: int | None
    by: str
    what: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to replay, and how.

    Args:
        selection: Which letters.
        id: Stands for the filter; the same one goes on with the same run.
        what: The filter in words, for the records.
        limit: Most letters of the whole run.
        rate: Letters a second, None for as fast as it goes.
        allow_stale: Put older values after newer.
    """

    selection: Selection
    id: str
    what: str
    limit: int | None = None
    rate: float | None = None
    allow_stale: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: the record, what this call did, letters that need an edit, and whether it came to its end."""

    record: Record
    here: Replayed = _NOTHING
    needs_edit: int = 0
    done: bool = False


@dataclass
class Survey:
    """What a selection holds, counted."""

    matching: int = 0
    stale: int = 0
    needs_edit: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)
    by_title: Counter[str] = field(default_factory=Counter)

    def add(self, letter: DeadLetter) -> None:
        """Count one more."""
        self.matching += 1
        self.by_reason[letter.reason] += 1
        self.by_title[letter.title] += 1
        self.needs_edit += letter.wire is None
        self.stale += letter.stale and letter.wire is not None

    def moving(self, *, allow_stale: bool) -> int:
        """Give how many a replay would put back."""
        return self.matching - self.needs_edit - (0 if allow_stale else self.stale)


def survey(letters: DeadLetters, selection: Selection, limit: int | None = None) -> Survey:
    """Count what would be replayed."""
    found = Survey()
    for letter in letters.select(selection, limit):
        found.add(letter)
    return found


def read_records(letters: DeadLetters) -> list[Record]:
    """Give the recorded replays, the latest first."""
    rows = letters.call("hgetall", letters.queue.keys.name("replays")).items()
    found = [_record(key.decode(), row) for key, row in rows]
    return sorted(found, key=lambda record: record.begun_ms, reverse=True)


def unfinished(letters: DeadLetters, plan_id: str) -> Record | None:
    """Give the run of this filter that has not come to its end, if there is one."""
    row = letters.call("hget", letters.queue.keys.name("replays"), plan_id)
    record = _record(plan_id, row) if row else None
    return record if record and record.state != "done" else None


def run(letters: DeadLetters, plan: Plan, by: str, wait: Callable[[float], bool]) -> Iterator[Progress]:
    """Replay in steps, yielding after each; begins the run of this filter, or goes on with it.

    Args:
        letters: Whose.
        plan: What and how.
        by: Who does it.
        wait: Sleeps for so many seconds, less when told to stop; gives whether it was.

    Raises:
        BrokerFull, BrokerUnavailable: The run stands where it stood; the same call goes on.
    """
    since, until = plan.selection.since_ms, plan.selection.until_ms
    row = letters.queue.run("job", "begin", plan.id, _text(since), _text(until), by, plan.what)
    progress = Progress(_record(plan.id, row))
    yield progress
    _let_it_pass(letters.queue, progress.record.begun_ms)
    stopped, started = wait(0), time.monotonic()
    chosen = letters.select(_bounded(plan.selection, progress.record))
    while not stopped:
        seqs, skipped = _next(chosen, _room(plan, progress.record))
        progress = replace(progress, needs_edit=progress.needs_edit + skipped)
        if not seqs:
            break
        step = letters.replay(seqs, by, replay_id=plan.id, what=plan.what, allow_stale=plan.allow_stale)
        record = replace(progress.record, replayed=progress.record.replayed + step.replayed)
        progress = replace(progress, record=record, here=progress.here + step)
        yield progress
        stopped = wait(pause_s(plan.rate, progress.here.replayed, time.monotonic() - started))
    row = letters.queue.run("job", "end", plan.id, "stopped" if stopped else "done")
    yield replace(progress, record=_record(plan.id, row), done=not stopped)


def _let_it_pass(queue: Queue, begun_ms: int) -> None:
    """Wait until the ms of the beginning is over, so that no letter of the run can die again in it."""
    for _ in range(_LOOKS):
        if queue.now_ms() > begun_ms:
            return
        time.sleep(0.001)


def pause_s(rate: float | None, moved: int, elapsed_s: float) -> float:
    """Give how long to wait so that `moved` letters in `elapsed_s` come to the rate."""
    return max(0.0, moved / rate - elapsed_s) if rate else 0.0


def step_size(rate: float | None) -> int:
    """Give how many letters one step moves."""
    return BATCH if rate is None else min(BATCH, max(1, math.ceil(rate / STEPS_PER_S)))


def delivering_per_s(queue: Queue, wait: Callable[[float], bool], seconds: float = 1.0) -> float:
    """Measure at what rate events are being delivered."""
    first = read_books(queue)
    wait(seconds)
    second = read_books(queue)
    return (second.delivered - first.delivered) * 1000 / max(1, second.now_ms - first.now_ms)


def _room(plan: Plan, record: Record) -> int:
    size = step_size(plan.rate)
    return size if plan.limit is None else max(0, min(size, plan.limit - record.replayed))


def _next(chosen: Iterator[DeadLetter], room: int) -> tuple[list[int], int]:
    """Take letters that can be sent; gives them, and how many were passed over because they are no events."""
    seqs: list[int] = []
    skipped = 0
    while len(seqs) < room:
        letter = next(chosen, None)
        if letter is None:
            break
        if letter.wire is None:
            skipped += 1
        else:
            seqs.append(letter.message.seq)
    return seqs, skipped


def _bounded(selection: Selection, record: Record) -> Selection:
    """Keep to what was dead when the run began, within the bounds as they were understood then."""
    latest = record.begun_ms + 1
    until = latest if record.until_ms is None else min(record.until_ms, latest)
    return replace(selection, since_ms=record.since_ms, until_ms=until)


def _record(plan_id: str, row: bytes) -> Record:
    state, begun, step, replayed, since, until, by, what = row.decode("utf-8", "replace").split("\t", 7)
    bounds = (int(since) if since else None, int(until) if until else None)
    return Record(plan_id, state, int(begun), int(step), int(replayed), *bounds, by, what)


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
