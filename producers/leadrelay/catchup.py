"""When nothing will wait any more: an estimate from samples of the books. Pure: what is known comes as arguments.

While the limits stay the same, what left the queue lately goes on leaving it. While a slow start raises the rate, it is
followed second by second, as the controller raises it, up to what the workers have shown that they can send. What
arrives meanwhile, and what is scheduled for meanwhile, is work too.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, takewhile
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leadrelay.queue.samples import Sample
    from leadrelay.queue.valve import Sending

#: Seconds of the newest samples from which speeds are taken: longer is calmer, and later to see a change.
RECENT_S = 30.0
#: Seconds from which arrivals are taken, by the median of its samples; less if less arrived in the newest of them: a
#: burst that is over waits already.
ARRIVALS_S, NEWEST_S = 40.0, 10.0
#: Seconds below which two samples say nothing about a speed.
SHORTEST_S = 5.0
#: Rates that differ by a smaller part are the same.
SAME = 0.02
#: Part of the rate below which it is the workers that limit.
WORKERS_LIMIT = 0.9
#: As in `leadrelay_worker.flow.numbers`: the least step by which a slow start raises the rate each second, and the part
#: of the good rate that is its step above that.
LEAST_STEP, INCREASE = 1.0, 0.05
#: Seconds (30 days) beyond which an estimate is none.
LONGEST_S = 30 * 86_400.0
_NO_LIMIT = float("inf")


@dataclass(frozen=True, slots=True)
class Estimate:
    """When nothing will wait that could be sent.

    Args:
        seconds: From now; None when nobody can say.
        reason: Why not; or on what the estimate hangs.
        later: Events scheduled for after that.
    """

    seconds: float | None
    reason: str = ""
    later: int = 0


@dataclass(frozen=True, slots=True)
class Flow:
    """How events leave and arrive, a second.

    Args:
        rate: What leaves now.
        good: Up to which a slow start doubles the rate each second; None without one.
        most: What the rate can reach.
        arrivals: What arrives.
    """

    rate: float
    good: float | None
    most: float
    arrivals: float

    def grown(self, rate: float) -> float:
        """Give the rate a second later, as `leadrelay_worker.flow.rate.next_rate` does while all goes well."""
        if self.good is None:
            return rate
        step = max(LEAST_STEP, self.good * INCREASE)
        grown = min(rate * 2, max(self.good, rate + step)) if rate < self.good else rate + step
        return min(grown, self.most)


def estimate(samples: Sequence[Sample], now: Sample, due: Sequence[tuple[float, int]], sending: Sending) -> Estimate:
    """Estimate when nothing will wait that could be sent.

    Args:
        samples: Of the last day, oldest first.
        now: The books as they are.
        due: What is scheduled: (seconds from now, events), in order.
        sending: The valve as it is.

    Returns:
        0 seconds when nothing waits; None with the reason while sending is stopped, when as much arrives as leaves, or
        when nothing shows yet how much can be sent.
    """
    samples = [*(sample for sample in samples if sample.at_ms < now.at_ms), now]
    arrivals = _arrivals(samples)
    waits = now.ready + now.held
    stopped = "no worker" if sending.state == "on" and not now.workers else sending.state
    if waits and stopped != "on":
        return Estimate(None, stopped)
    if waits <= arrivals:  # what arrived within the last second is on its way
        return Estimate(0.0, later=sum(number for _, number in due))
    flow = _steady(samples, arrivals) or _by_limits(samples, sending, arrivals)
    if flow is None:
        return Estimate(None, "nothing was sent yet")
    seconds = drain(waits, due, flow)
    if seconds is None:
        return Estimate(None, f"not catching up: {arrivals:,.1f} events/s arrive, {flow.most:,.1f} leave")
    at_best = "at best: how much the workers can send was not seen yet" if flow.most == _NO_LIMIT else ""
    return Estimate(seconds, at_best, sum(number for at_s, number in due if at_s > seconds))


def drain(backlog: float, due: Sequence[tuple[float, int]], flow: Flow) -> float | None:
    """Give the seconds until so many events, and what comes beside them, are sent; None when that will not be.

    Args:
        backlog: Events that wait now.
        due: What comes beside them, as for `estimate`.
        flow: How events leave and arrive.
    """
    at_s, rate = 0.0, flow.rate
    for until_s, number in [*due, (LONGEST_S, 0)]:
        while at_s < until_s:
            grown = flow.grown(rate)
            step = min(until_s - at_s, 1.0 if grown > rate else LONGEST_S)
            net = rate - flow.arrivals
            if backlog <= net * step:
                return at_s + backlog / net
            backlog, at_s, rate = backlog - net * step, at_s + step, rate + (grown - rate) * step
        backlog += number
    return None


# How events leave -----------------------------------------------------------------------------------------------------


def _steady(samples: Sequence[Sample], arrivals: float) -> Flow | None:
    """Give the speed of the newest samples between which the same limits held and events waited, if it is known."""
    now = samples[-1]
    start = now
    for sample in reversed(samples[:-1]):
        too_old = now.at_ms - sample.at_ms > RECENT_S * 1000
        if too_old or sample.sending != "on" or not _same(sample.rate, now.rate) or not _waits(sample, now):
            break
        start = sample
    if now.at_ms - start.at_ms < SHORTEST_S * 1000:
        return None
    speed = _per_s(_done(now) - _done(start), start, now)
    return Flow(speed, None, speed, arrivals)


def _by_limits(samples: Sequence[Sample], sending: Sending, arrivals: float) -> Flow | None:
    """Give what the valve lets out, its slow start included, as far as the workers can send it."""
    told = next((sample for sample in reversed(samples) if sample.good), samples[-1])  # by a controller
    ceilings = [ceiling for ceiling in (sending.ceiling, told.ceiling) if ceiling is not None]
    most = min([*ceilings, _workers_take(samples)])
    rate = min(most, sending.rate or _NO_LIMIT)
    if rate == _NO_LIMIT:
        rate = told.good
    part = _need_no_other(samples)
    if any(breaker.state == "limited" for breaker in sending.breakers):
        return Flow(rate * part, told.good * part, most * part, arrivals)
    return Flow(rate * part, None, rate * part, arrivals) if rate else None


def _workers_take(samples: Sequence[Sample]) -> float:
    """Give the attempts a second that the workers made when they, not the valve, were the limit; or more made since."""
    fastest = 0.0
    for before, after in reversed(list(pairwise(samples))):
        if after.at_ms - before.at_ms < SHORTEST_S * 1000 or not before.sending == after.sending == "on":
            continue
        speed = _per_s(_attempts(after) - _attempts(before), before, after)
        fastest = max(fastest, speed)
        limit = min(one.rate or _NO_LIMIT for one in (before, after))
        if 0 < speed < limit * WORKERS_LIMIT and _waits(before, after) and _waits(after, before):
            return fastest
    return _NO_LIMIT


def _need_no_other(samples: Sequence[Sample]) -> float:
    """Give the part of the newest attempts, since sending went on, after which the event needs no other one."""
    now = samples[-1]
    recent = takewhile(lambda one: one.sending == "on" and now.at_ms - one.at_ms <= RECENT_S * 1000, reversed(samples))
    before = [now, *recent][-1]
    attempts, retried = _attempts(now) - _attempts(before), now.retried - before.retried
    return 1 - retried / attempts if 0 <= retried < attempts else 1.0


def _arrivals(samples: Sequence[Sample]) -> float:
    """Give the events a second that came to wait: accepted, or replayed."""
    now = samples[-1]
    recent = [sample for sample in samples if now.at_ms - sample.at_ms <= ARRIVALS_S * 1000]
    speeds = [_per_s(_all(after) - _all(before), before, after) for before, after in pairwise(recent)]
    newest = [_per_s(_all(now) - _all(one), one, now) for one in recent if now.at_ms - one.at_ms >= NEWEST_S * 1000]
    return min([median(speeds), *newest[-1:]]) if speeds else 0.0


# What samples say -----------------------------------------------------------------------------------------------------


def _done(sample: Sample) -> int:
    return sample.delivered + sample.dead + sample.dropped


def _all(sample: Sample) -> int:
    return _done(sample) + sample.ready + sample.held + sample.scheduled + sample.in_flight


def _attempts(sample: Sample) -> int:
    return sum(sample.attempts.values())


def _per_s(number: int, before: Sample, after: Sample) -> float:
    """Give a speed; nothing is known of counters that went back (a broker lost its data)."""
    passed_ms = abs(after.at_ms - before.at_ms)
    return max(0, number) * 1000 / passed_ms if passed_ms else 0.0


def _waits(sample: Sample, other: Sample) -> bool:
    """Whether so much waits that it was no matter of chance: a second's worth of what left between it and another."""
    return sample.ready + sample.held > _per_s(abs(_done(other) - _done(sample)), sample, other)


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= SAME * max(one, other)
