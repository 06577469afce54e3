"""What was counted, and what it says: shares of attempts, different events, workers that fail alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from leadrelay_worker.flow.numbers import Numbers

#: Outcomes that a share counts as failed. The others have rules of their own: they may be one event's fault.
FAILED = ("transient", "throttled")
#: Reasons that say nothing of a dataset: the destination itself was not reached.
NETWORK = ("dns", "connect", "tls")
#: Events named in a bucket, and of one dataset among them.
MOST_EVENTS = 15
MOST_OF_DATASET = 5


@dataclass(frozen=True, slots=True)
class Row:
    """Outcomes of one kind: `number` of them, and some of the `events` (sequence numbers) when they are failures."""

    scope: str
    worker: str
    outcome: str
    reason: str
    number: int
    events: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Bucket:
    """The outcomes of one round that concern a breaker.

    Args:
        at_ms: Broker time.
        counts: (worker, outcome, reason, number).
        events: (sequence number, scope, outcome) of some that failed; no scope for a failure of the network.
    """

    at_ms: int
    counts: tuple[tuple[str, str, str, int], ...] = ()
    events: tuple[tuple[int, str, str], ...] = ()

    def number(self, *outcomes: str) -> int:
        """Count outcomes, of these kinds if any are named."""
        return sum(number for _, outcome, _, number in self.counts if not outcomes or outcome in outcomes)

    def without(self, workers: Container[str]) -> Bucket:
        """Leave out what these workers saw."""
        return replace(self, counts=tuple(row for row in self.counts if row[0] not in workers))

    @property
    def all_accepted(self) -> bool:
        """Whether nothing failed."""
        return all(outcome == "accepted" for _, outcome, _, _ in self.counts)


def bucket(at_ms: int, rows: Iterable[Row]) -> Bucket:
    """Put rows together, whatever their dataset."""
    counts: Counter[tuple[str, str, str]] = Counter()
    events: list[tuple[int, str, str]] = []
    for row in rows:
        counts[row.worker, row.outcome, row.reason] += row.number
        scope = "" if row.reason in NETWORK else row.scope
        events += [(seq, scope, row.outcome) for seq in row.events]
    return Bucket(at_ms, tuple((*key, number) for key, number in counts.items()), some_of(events))


def some_of(events: Iterable[tuple[int, str, str]]) -> tuple[tuple[int, str, str], ...]:
    """Keep a few different events, of several datasets if there are."""
    kept: dict[int, tuple[int, str, str]] = {}
    of_scope: Counter[str] = Counter()
    for event in events:
        if event[0] not in kept and of_scope[event[1]] < MOST_OF_DATASET and len(kept) < MOST_EVENTS:
            kept[event[0]] = event
            of_scope[event[1]] += 1
    return tuple(kept.values())


def stretch(
    window: tuple[Bucket, ...], now_ms: int, least: int, numbers: Numbers, recent_s: float = 0.0
) -> tuple[Bucket, ...]:
    """Give the newest buckets: those of the last `recent_s`, and older ones only until there are `least` attempts."""
    taken: list[Bucket] = []
    attempts = 0
    for one in reversed(window):
        age_s = (now_ms - one.at_ms) / 1000
        if age_s > numbers.window_s or (age_s >= recent_s and attempts >= least):
            break
        taken.append(one)
        attempts += one.number()
    return tuple(reversed(taken))


def compact(window: tuple[Bucket, ...], most: int) -> tuple[Bucket, ...]:
    """Add up the oldest buckets until there are at most so many."""
    while len(window) > most:
        first, second, *rest = window
        counts: Counter[tuple[str, str, str]] = Counter()
        for *key, number in (*first.counts, *second.counts):
            counts[key[0], key[1], key[2]] += number
        merged = tuple((*key, number) for key, number in counts.items())
        window = (Bucket(second.at_ms, merged, some_of([*first.events, *second.events])), *rest)
    return window


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a stretch failed, by the failures that concern the breaker.

    Args:
        failed: Attempts that failed.
        attempts: All attempts.
        events: Different events among the failures, as far as they were named.
        reason: The reason seen most, ``""`` without failures.
    """

    failed: int
    attempts: int
    events: int
    reason: str

    @property
    def part(self) -> float:
        """Failed part of the attempts."""
        return self.failed / self.attempts if self.attempts else 0.0


def share_of(buckets: Iterable[Bucket], *, network_only: bool) -> Share:
    """Count the failed share (transient, throttled), or that of failures of the network alone."""
    failed: Counter[str] = Counter()
    attempts = 0
    events: set[int] = set()
    for one in buckets:
        attempts += one.number()
        for _, outcome, reason, number in one.counts:
            if outcome in FAILED and (reason in NETWORK or not network_only):
                failed[reason] += number
        events |= {seq for seq, scope, outcome in one.events if outcome in FAILED and not (network_only and scope)}
    reason = failed.most_common(1)[0][0] if failed else ""
    return Share(failed.total(), attempts, len(events), reason)


def workers_of(buckets: Iterable[Bucket], *, network_only: bool) -> dict[str, tuple[int, int]]:
    """Give (not accepted, attempts) of each worker; `network_only` takes any answer for a success."""
    bad: Counter[str] = Counter()
    attempts: Counter[str] = Counter()
    for one in buckets:
        for worker, outcome, reason, number in one.counts:
            attempts[worker] += number
            if outcome != "accepted" and (reason in NETWORK or not network_only):
                bad[worker] += number
    return {worker: (bad[worker], number) for worker, number in attempts.items()}


def succeeding(workers: dict[str, tuple[int, int]], numbers: Numbers) -> set[str]:
    """Give the workers that succeed: the endpoint is there for them."""
    return {
        worker
        for worker, (bad, attempts) in workers.items()
        if attempts - bad >= numbers.peer_accepted and bad / attempts < numbers.peer_share
    }


def failing_alone(workers: dict[str, tuple[int, int]], numbers: Numbers) -> dict[str, str]:
    """Give the workers that fail while another succeeds, with what to tell of them."""
    peers = len(succeeding(workers, numbers))
    return {
        worker: f"{bad} of its {attempts} attempts failed while {peers} other worker{'s' * (peers > 1)} succeeded"
        for worker, (bad, attempts) in workers.items()
        if peers and attempts >= numbers.alone_least and bad / attempts >= numbers.share
    }


def spoken(reason: str) -> str:
    """Name a reason as operators say it: ``503``."""
    return reason.removeprefix("http_").replace("_", " ")
