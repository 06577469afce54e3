"""What the delivery page shows: the state as it is, lines over time, latencies."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from leadrelay.catchup import estimate
from leadrelay.cli.sending import document as sending_document
from leadrelay.cli.status import numbers_of
from leadrelay.lane import scope_of
from leadrelay.queue.books import read_books
from leadrelay.queue.hours import HOUR_MS, read_hours
from leadrelay.queue.room import EVENT_BYTES, headroom_s, left_bytes, limit_bytes
from leadrelay.queue.samples import Samples, sample_of
from leadrelay.tally import total
from leadrelay.verdict import judge

from leadrelay_worker.monitor import latency, series

if TYPE_CHECKING:
    from leadrelay.history import HistoryFiles
    from leadrelay.queue import Books, Queue

#: Scheduled events are counted by when they are due: within so many seconds.
DUE_WITHIN_S = (60, 600, 3600)
#: Hours of acceptance from which latencies are told: the present one and the one before.
_HOURS = 2
#: Seconds of each drawing.
_RANGES = {"hour": 3600, "day": 86_400}


def state(queue: Queue, dataset: str | None) -> dict[str, Any]:
    """Give what the page shows; errors as `scripts.run`.

    Args:
        queue: Whose.
        dataset: `LEADRELAY_DATASET_ID`, whose breaker is named by it.
    """
    samples = Samples(queue)
    books, memory = read_books(queue), queue.memory()
    before, now = samples.read(_RANGES["hour"]), sample_of(books)
    seen = [*(sample for sample in before if sample.at_ms < now.at_ms), now]
    rates = series.rates(seen)
    caught_up = estimate(before, now, samples.due(books.due_now_ms), books.sending)
    numbers = numbers_of(queue, books, seen[:-1], memory, caught_up)
    return {
        "now": books.now_ms,
        "verdict": judge(numbers).document(books.now_ms),
        "sending": sending_document(books.sending) | {"own_dataset": scope_of({"si": dataset}) if dataset else None},
        "ledger": books.ledger(),
        "backlog": books.backlog,
        "due": due_of(queue, books),
        "lag_s": books.lag_s,
        "workers": books.workers,
        "rates": rates,
        "success": numbers.success._asdict(),
        "catch_up": asdict(caught_up),
        "room": room_of(memory, rates, numbers.headroom_s),
    }


def room_of(memory: Any, rates: dict[str, float | None], full_s: float | None) -> dict[str, Any]:
    """Say how much room the broker has, in bytes, events and seconds; None for no end.

    Args:
        memory: Of INFO memory.
        rates: Events a second by what became of them.
        full_s: Seconds until new events are refused, None for no end.
    """
    limit, used = limit_bytes(memory), int(memory["used_memory"])
    left, coming = left_bytes(limit, used), rates["accepted"] or 0.0
    return {
        "used": used,
        "limit": limit or None,
        "events": None if math.isinf(left) else max(0, int(left / EVENT_BYTES)),
        "left_s": full_s,
        "left_stopped_s": _finite(headroom_s(left, coming)),
    }


def due_of(queue: Queue, books: Books) -> list[list[Any]]:
    """Count the scheduled events by when they are due: [[within seconds or None for later, events], …]."""
    key, found, before = queue.keys.name("scheduled"), [], 0
    for within_s in DUE_WITHIN_S if books.scheduled else ():
        until: Any = queue.client.zcount(key, "-inf", books.due_now_ms + within_s * 1000)
        found.append([within_s, int(until) - before])
        before = int(until)
    return [*found, [None, max(0, books.scheduled - before)]] if books.scheduled else []


def history(queue: Queue, files: HistoryFiles) -> dict[str, Any]:
    """Give the lines of the last hour and day, and latencies; errors as `scripts.run`.

    Args:
        queue: Whose.
        files: This home's history.
    """
    now = sample_of(read_books(queue))
    found = {}
    for name, seconds in _RANGES.items():
        samples = [*(one for one in Samples(queue).read(seconds) if one.at_ms < now.at_ms), now]
        found[name] = series.lines(samples, now.at_ms - seconds * 1000, now.at_ms)
    return found | {"latency": {"hours": _of_hours(queue, now.at_ms), "home": latency.of_history(files.latest())}}


def _of_hours(queue: Queue, now_ms: int) -> dict[str, Any] | None:
    hour = now_ms // HOUR_MS
    hours = read_hours(queue, hour - _HOURS + 1, hour + 1)
    return latency.of_hours(total(row.tally for row in hours.rows), hours.on_time_ms / 1000)


def _finite(seconds: float) -> float | None:
    return None if math.isinf(seconds) else seconds
