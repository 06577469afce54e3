"""The rate of a closed breaker that is limited: additive increase, multiplicative decrease, slow start before.

Models: TCP's slow start and congestion avoidance; Vector's adaptive concurrency (from 1, times 0.9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadrelay_worker.flow.evidence import FAILED

if TYPE_CHECKING:
    from leadrelay_worker.flow.evidence import Bucket
    from leadrelay_worker.flow.numbers import Numbers

#: Seconds between rounds that are believed: after a takeover a rate does not leap.
LONGEST_ROUND_S = 2.0


def next_rate(rate: float, good: float, fresh: Bucket, seconds: float, numbers: Numbers) -> tuple[float, float]:
    """Give the next rate, and the rate that is now known to be good.

    Args:
        rate: Events a second now.
        good: The rate known to be good: below it the rate doubles each second, above it grows by a fixed step.
        fresh: What happened since.
        seconds: For how long.
        numbers: The policy's.
    """
    attempts = fresh.number()
    if not attempts:
        return rate, good
    if fresh.number("throttled") or fresh.number(*FAILED) > attempts * numbers.trouble_share:
        lowered = lower(rate, fresh, seconds, numbers)
        return lowered, lowered if fresh.number("throttled") else good * numbers.decrease
    if not_needed(rate, fresh, seconds):
        return rate, good
    seconds = min(seconds, LONGEST_ROUND_S)
    step = max(numbers.first_rate, good * numbers.increase) * seconds
    grown = min(rate * 2**seconds, max(good, rate + step)) if rate < good else rate + step
    return bounded(grown, numbers), good


def lower(rate: float, fresh: Bucket, seconds: float, numbers: Numbers) -> float:
    """Give a rate lowered by trouble; an endpoint that throttles has just shown how much it takes."""
    if fresh.number("throttled"):
        rate = min(rate, fresh.number("accepted") / seconds)
    return bounded(rate * numbers.decrease, numbers)


def not_needed(rate: float, fresh: Bucket, seconds: float) -> bool:
    """Whether so much less was sent that the rate cannot have been what limited it."""
    return fresh.number() / seconds < rate / 2


def bounded(rate: float, numbers: Numbers) -> float:
    """Keep a rate between the lowest and the ceiling."""
    rate = max(rate, numbers.first_rate)
    return rate if numbers.max_rate is None else min(rate, numbers.max_rate)
