"""One breaker: its states, what moves it between them, and what each move does.

=========== ============ =========== ==================================================================
state       event        next        what happens
=========== ============ =========== ==================================================================
closed      trouble      open        nothing is handed out until the wait is over
closed      throttled    limited     the rate is what the endpoint just took, less a tenth
open        wait over    half_open   one probe at a time, under a lease
half_open   answered     limited     slow start from the lowest rate
half_open   failed       open        the wait doubles, up to the longest
limited     trouble      open        the wait doubles, up to the longest
limited     calm         closed      the rate was not needed for a while, or reached the ceiling
=========== ============ =========== ==================================================================

There is one breaker of all (the destination), one for each dataset, and one for each worker.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from leadrelay_worker.flow import rate as rates
from leadrelay_worker.flow.evidence import FAILED, NETWORK, Bucket, spoken

if TYPE_CHECKING:
    from leadrelay_worker.flow.numbers import Numbers

State = Literal["closed", "open", "half_open", "limited"]
Event = Literal["trouble", "throttled", "wait over", "answered", "failed", "calm"]

TRANSITIONS: dict[tuple[State, Event], State] = {
    ("closed", "trouble"): "open",
    ("closed", "throttled"): "limited",
    ("open", "wait over"): "half_open",
    ("half_open", "answered"): "limited",
    ("half_open", "failed"): "open",
    ("limited", "trouble"): "open",
    ("limited", "calm"): "closed",
}

#: What opened a breaker; `NETWORK` failures and mass rejection close by other answers than the rest.
Cause = Literal["", "transient", "throttled", "misconfigured", "rejected", "network", "alone"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a breaker must open: the kind, and words for operators."""

    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True)
class Breaker:
    """One breaker and what it remembers.

    Args:
        state: Its state.
        cause: What opened or limited it.
        reason: The same in words.
        since_ms: Broker time since which there has been trouble.
        probe_ms: When an open one lets a probe through.
        wait_s: The wait before that probe.
        probes: Probes that failed.
        rate: Events a second while limited.
        good: The rate up to which the slow start doubles.
        calm_s: For how long the rate has not been needed.
        tripped_by: The event that failed last when it opened.
        dataset: The one dataset of all that waited, for which the breaker of all stands.
        window: The newest buckets, while there are failures among them.
        refused: Different events that saw ``misconfigured``, none accepted since: (sequence number, scope, outcome).
    """

    state: State = "closed"
    cause: Cause = ""
    reason: str = ""
    since_ms: int = 0
    probe_ms: int = 0
    wait_s: float = 0.0
    probes: int = 0
    rate: float | None = None
    good: float = 0.0
    calm_s: float = 0.0
    tripped_by: int | None = None
    dataset: str = ""
    window: tuple[Bucket, ...] = ()
    refused: tuple[tuple[int, str, str], ...] = ()

    @property
    def told(self) -> str:
        """Say it to an operator."""
        if self.state == "limited":
            return f"slow start after {self.reason}" if self.wait_s else self.reason
        failed = f"; {self.probes} probe{'s' * (self.probes != 1)} failed" if self.probes else ""
        return self.reason + failed


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brings to one breaker.

    Args:
        now_ms: Broker time.
        seconds: Since the last round.
        fresh: The outcomes that concern it.
        trouble: A reason to open it, if there is one.
        hint_s: The endpoint's own wish how long to wait (Retry-After), 0 for none.
        good: The rate known to be good for all.
        idle: Nothing can be sent for another reason, so that not needing the rate means nothing.
        other_answers: Any answer shows that the network is back (the breaker stands for several datasets).
    """

    now_ms: int
    seconds: float
    fresh: Bucket
    trouble: Trouble | None = None
    hint_s: float = 0.0
    good: float = 0.0
    idle: bool = False
    other_answers: bool = False


def step(breaker: Breaker, seen: Round, numbers: Numbers) -> Breaker:
    """Give the breaker after this round."""
    event = _event(breaker, seen, numbers)
    state = TRANSITIONS.get((breaker.state, event)) if event else None
    if state == "open":
        return _open(breaker, seen, numbers)
    if state == "half_open":
        return replace(breaker, state="half_open")
    if state == "limited":
        return _limit(breaker, seen, numbers)
    if state == "closed":
        return Breaker(refused=breaker.refused)
    return _adjust(breaker, seen, numbers) if breaker.state == "limited" else breaker


def _event(breaker: Breaker, seen: Round, numbers: Numbers) -> Event | None:
    if breaker.state == "open":
        waited = 0 < breaker.probe_ms - seen.now_ms <= breaker.wait_s * 1000  # longer: the clock went back
        return None if waited else "wait over"
    if breaker.state == "half_open":
        return _of_probe(breaker, seen)
    if seen.trouble:
        return "trouble"
    if breaker.state == "closed":
        return "throttled" if seen.fresh.number("throttled") else None
    return "calm" if _calm(breaker, seen, numbers) else None


def _of_probe(breaker: Breaker, seen: Round) -> Event | None:
    """Judge what came back while half-open; what was under way before is as good a witness as the probe."""
    fresh = seen.fresh
    if fresh.number("accepted"):
        return "answered"
    if breaker.cause == "network" and seen.other_answers and any(row[2] not in NETWORK for row in fresh.counts):
        return "answered"
    if breaker.cause in (*FAILED, "network") and fresh.number("rejected"):
        return "answered"
    return "failed" if fresh.number() else None


def _calm(breaker: Breaker, seen: Round, numbers: Numbers) -> bool:
    rate = breaker.rate or numbers.first_rate
    if numbers.max_rate is not None and rate >= numbers.max_rate:
        return True
    return breaker.calm_s >= numbers.calm_s and rates.not_needed(rate, seen.fresh, seen.seconds)


def _open(breaker: Breaker, seen: Round, numbers: Numbers) -> Breaker:
    trouble = seen.trouble or Trouble(breaker.cause, breaker.reason)
    again = breaker.state != "closed" and breaker.wait_s
    wait = min(numbers.longest_wait_s, breaker.wait_s * 2 if again else numbers.wait_s)
    if trouble.cause == "throttled" or seen.fresh.number("throttled") == seen.fresh.number():
        wait = max(wait, min(seen.hint_s, numbers.longest_hint_s))
    probe_failed = breaker.state == "half_open"
    events = [seq for seq, _, _ in seen.fresh.events]
    return Breaker(
        state="open",
        cause=breaker.cause if probe_failed else trouble.cause,
        reason=breaker.reason if probe_failed else trouble.reason,
        since_ms=seen.now_ms if breaker.state == "closed" else breaker.since_ms,
        probe_ms=seen.now_ms + int(wait * 1000),
        wait_s=wait,
        probes=breaker.probes + probe_failed,
        good=max(breaker.good or seen.good, numbers.modest_rate),
        tripped_by=events[-1] if events else breaker.tripped_by,
        dataset=breaker.dataset,
    )


def _limit(breaker: Breaker, seen: Round, numbers: Numbers) -> Breaker:
    if breaker.state == "half_open":
        rate = rates.bounded(numbers.first_rate, numbers)
        return replace(breaker, state="limited", rate=rate, calm_s=0.0, window=(), refused=(), tripped_by=None)
    throttled, attempts = seen.fresh.number("throttled"), seen.fresh.number()
    names = {spoken(reason) for _, outcome, reason, _ in seen.fresh.counts if outcome == "throttled"}
    reason = f"{', '.join(sorted(names))} for {throttled / attempts:.0%} of {attempts} attempts"
    rate = rates.lower(seen.fresh.number() / seen.seconds, seen.fresh, seen.seconds, numbers)
    limited = replace(breaker, state="limited", cause="throttled", reason=reason, since_ms=seen.now_ms)
    return replace(limited, rate=rate, good=rate, calm_s=0.0)


def _adjust(breaker: Breaker, seen: Round, numbers: Numbers) -> Breaker:
    now = breaker.rate or numbers.first_rate
    rate, good = rates.next_rate(now, breaker.good, seen.fresh, seen.seconds, numbers)
    unneeded = rates.not_needed(now, seen.fresh, seen.seconds) and not seen.idle
    return replace(breaker, rate=rate, good=good, calm_s=breaker.calm_s + seen.seconds if unneeded else 0.0)
