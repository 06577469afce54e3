"""From samples of the books to what is drawn and told of them: rates, lines over time. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leadrelay.queue.samples import Sample

#: Seconds over which the rates of now are taken.
NOW_S = 60
#: Points of one line: no screen shows more.
MOST_POINTS = 360

_RATES = ("accepted", "delivered", "retried", "dead", "dropped")


def rates(samples: Sequence[Sample]) -> dict[str, float | None]:
    """Give events a second over the last minute, by what became of them.

    Args:
        samples: Oldest first, the last one of now.
    """
    return {name: _per_s(*_ends(samples, NOW_S), name) for name in _RATES}


def lines(samples: Sequence[Sample], since_ms: int, until_ms: int) -> dict[str, Any]:
    """Give what is drawn of a time.

    Args:
        samples: Oldest first.
        since_ms: Where the drawing begins, broker time.
        until_ms: Where it ends.

    Returns:
        ``since`` and ``until``; ``at``, one ms per point; ``accepted`` and ``delivered`` (a second, up to the point),
        ``waiting`` and ``dead`` (at the point); ``stopped``, the [from, to, state] in which sending was not on.
    """
    chosen = _thinned(samples)
    steps = list(pairwise(chosen))
    return {
        "since": since_ms,
        "until": until_ms,
        "at": [after.at_ms for _, after in steps],
        "accepted": [_per_s(before, after, "accepted") for before, after in steps],
        "delivered": [_per_s(before, after, "delivered") for before, after in steps],
        "waiting": [after.ready + after.held + after.scheduled + after.in_flight + after.inbox for _, after in steps],
        "dead": [after.dead_now for _, after in steps],
        "stopped": list(_stopped(samples)),
    }


def _per_s(before: Sample, after: Sample, name: str) -> float | None:
    """Give a rate; a counter that went back (the broker lost its data) says nothing."""
    grown, ms = getattr(after, name) - getattr(before, name), after.at_ms - before.at_ms
    return round(grown * 1000 / ms, 3) if ms > 0 and grown >= 0 else None


def _ends(samples: Sequence[Sample], seconds: int) -> tuple[Sample, Sample]:
    now = samples[-1]
    return next(sample for sample in samples if now.at_ms - sample.at_ms <= seconds * 1000), now


def _thinned(samples: Sequence[Sample]) -> Sequence[Sample]:
    every = -(-len(samples) // MOST_POINTS)
    return samples[::-every][::-1] if every > 1 else samples


def _stopped(samples: Sequence[Sample]) -> Iterator[tuple[int, int, str]]:
    """Give when sending was not on, each time with its state."""
    began: Sample | None = None
    for before, after in pairwise([*samples, *samples[-1:]]):
        began = began or (before if before.sending != "on" else None)
        if began and (after.sending != began.sending or after is before):
            yield began.at_ms, after.at_ms, began.sending
            began = after if after.sending != "on" and after is not before else None
