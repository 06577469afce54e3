"""The rules: what opens a breaker, and with which words. Each looks at what one breaker has seen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from leadrelay_worker.flow.breaker import Trouble
from leadrelay_worker.flow.evidence import (
    FAILED,
    NETWORK,
    share_of,
    spoken,
    stretch,
    succeeding,
    workers_of,
)

if TYPE_CHECKING:
    from leadrelay_worker.flow.breaker import Breaker, Cause
    from leadrelay_worker.flow.evidence import Bucket, Share
    from leadrelay_worker.flow.numbers import Numbers


def trouble(breaker: Breaker, fresh: Bucket, run: int, numbers: Numbers, *, of_all: bool) -> Trouble | None:
    """Give the reason to open a breaker now, None without one.

    Args:
        breaker: With this round's outcomes taken in.
        fresh: This round's outcomes.
        run: Events rejected in a row, none accepted.
        numbers: The policy's.
        of_all: It stands for several datasets, so that only failures of the network or of several of them count.
    """
    if not fresh.counts:
        return None
    return (
        _rejecting(fresh, run, numbers.rejected_run * (numbers.datasets if of_all else 1))
        or _refusing(breaker, fresh, numbers, of_all=of_all)
        or _failing(breaker, fresh, numbers, of_all=of_all)
    )


def _rejecting(fresh: Bucket, run: int, most: int) -> Trouble | None:
    if run < most:
        return None
    return Trouble("rejected", f"{_names(fresh, 'rejected')} for {run} events in a row, none accepted")


def _refusing(breaker: Breaker, fresh: Bucket, numbers: Numbers, *, of_all: bool) -> Trouble | None:
    """Misconfigured is one event's fault until several see it and none is accepted."""
    needed = numbers.refused_events if breaker.state == "closed" else (numbers.refused_events + 1) // 2
    of_network = [event for event in breaker.refused if not event[1]]
    several = not of_all or len({event[1] for event in breaker.refused}) >= numbers.datasets
    counted = breaker.refused if several else of_network
    if len(counted) < needed or not fresh.number("misconfigured"):
        return None
    reason = f"{_names(fresh, 'misconfigured')} for {len(counted)} different events, none accepted"
    return Trouble("network" if len(of_network) * 2 > len(counted) else "misconfigured", reason)


def _failing(breaker: Breaker, fresh: Bucket, numbers: Numbers, *, of_all: bool) -> Trouble | None:
    """All of the newest attempts failed, or most of many; for several events, and for every worker that tried."""
    first = breaker.state == "closed"
    events = numbers.events if first else numbers.events - 1
    least = numbers.least if first else numbers.least_again
    for share, attempts, recent_s in ((1.0, least, 0.0), (numbers.share, numbers.share_least, numbers.recent_s)):
        newest = stretch(breaker.window, fresh.at_ms, attempts, numbers, recent_s)
        network_only = of_all and len(_failed_datasets(newest)) < numbers.datasets
        seen = share_of(newest, network_only=network_only)
        now = share_of([fresh], network_only=network_only)
        if seen.attempts < attempts or seen.events < events or min(seen.part, now.part) < share:
            continue
        if not succeeding(workers_of(newest, network_only=network_only), numbers):
            return Trouble(
                _cause(newest, seen), f"{spoken(seen.reason)} for {seen.part:.0%} of {seen.attempts} attempts"
            )
    return None


def _failed_datasets(buckets: tuple[Bucket, ...]) -> set[str]:
    return {scope for one in buckets for _, scope, outcome in one.events if outcome in FAILED and scope}


def _cause(buckets: tuple[Bucket, ...], seen: Share) -> Cause:
    if seen.reason in NETWORK:
        return "network"
    return "throttled" if sum(one.number("throttled") for one in buckets) * 2 > seen.failed else "transient"


def _names(fresh: Bucket, outcome: str) -> str:
    """Name the reason seen most."""
    seen: Counter[str] = Counter()
    for _, kind, reason, number in fresh.counts:
        if kind == outcome:
            seen[reason] += number
    return spoken(seen.most_common(1)[0][0]) if seen else outcome
