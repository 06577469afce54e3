"""The policy: from counted outcomes to changes of the valve. Pure: time is an argument, memory comes and goes.

Each round the outcomes are put to every breaker that they concern: that of all, that of their dataset, that of their
worker. While all that waits is of one dataset, its breaker is that of all: then its backlog stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from leadrelay_worker.flow.breaker import Breaker, Round, Trouble, step
from leadrelay_worker.flow.evidence import NETWORK, Bucket, bucket, compact, failing_alone, some_of, stretch, workers_of
from leadrelay_worker.flow.rate import bounded
from leadrelay_worker.flow.rules import trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadrelay_worker.flow.breaker import State
    from leadrelay_worker.flow.evidence import Row
    from leadrelay_worker.flow.numbers import Numbers

#: Key of the breaker of all; those of datasets are their scopes, those of workers ``@`` and the name.
ALL = ""
#: Part of the good rate that is forgotten each second in which less is sent: half in two minutes.
FORGET = 0.005
#: Seconds after which a gap between rounds means that nothing happened until now: idle rounds are not remembered.
LONGEST_GAP_S = 10.0
_CLOSED = Breaker()


@dataclass(frozen=True, slots=True)
class Report:
    """What the controller saw.

    Args:
        now_ms: Broker time.
        rows: Outcomes since the last round.
        runs: Events rejected in a row, none accepted, by scope; `ALL` over all of them.
        hints: The endpoint's wish how long to wait, in seconds, by scope.
        workers: Workers that hold a lease.
        only: The one dataset of all that waits, None when there are several.
        states: Breakers that are not closed, as the valve has them: an operator may have changed them.
        rate: The valve's rate.
        paused: An operator paused sending.
    """

    now_ms: int
    rows: tuple[Row, ...] = ()
    runs: Mapping[str, int] = field(default_factory=dict)
    hints: Mapping[str, float] = field(default_factory=dict)
    workers: frozenset[str] = frozenset()
    only: str | None = None
    states: Mapping[str, State] = field(default_factory=dict)
    rate: float | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What the controller remembers from round to round, also over a takeover.

    Args:
        at_ms: Broker time of the last round.
        good: Events a second that were lately accepted while nothing was limited.
        breakers: Those that are not closed or have seen failures, by key.
    """

    at_ms: int = 0
    good: float = 0.0
    breakers: Mapping[str, Breaker] = field(default_factory=dict)

    def of(self, key: str) -> Breaker:
        """Give a breaker."""
        return self.breakers.get(key, _CLOSED)

    @property
    def known_good(self) -> float:
        """The rate up to which a slow start of all doubles, now or after the next outage."""
        return self.of(ALL).good or self.good


@dataclass(frozen=True, slots=True)
class Change:
    """A breaker as the valve should have it; `told` says why, `record` that it is worth a line in the audit."""

    key: str
    breaker: Breaker
    rate: float | None
    record: bool
    told: str


def decide(memory: Memory, report: Report, numbers: Numbers) -> tuple[Memory, tuple[Change, ...]]:
    """Run one round.

    Args:
        memory: From the last round.
        report: What was seen since.
        numbers: The policy's.

    Returns:
        The new memory, and what to change in the valve.
    """
    before = _as_the_valve_has_it(memory.breakers, report, numbers)
    turn = _Turn(report, numbers, memory, _narrowed(before, report))
    after = turn.run()
    kept = {key: one for key, one in after.items() if one != _CLOSED}
    return Memory(report.now_ms, turn.good(), _bounded(kept, numbers)), _changes(before, after, report, numbers)


def _as_the_valve_has_it(known: Mapping[str, Breaker], report: Report, numbers: Numbers) -> dict[str, Breaker]:
    """Take over what an operator changed."""
    breakers = dict(known)
    for key in {*breakers, *report.states}:
        state, one = report.states.get(key, "closed"), breakers.get(key, _CLOSED)
        if state == one.state:
            continue
        if state == "closed":
            breakers[key] = replace(_CLOSED, window=one.window, refused=one.refused)
        else:
            breakers[key] = _taken_over(one, state, report, numbers)
    return breakers


def _taken_over(one: Breaker, state: State, report: Report, numbers: Numbers) -> Breaker:
    """Give the breaker in the state that an operator, or a broker that lost the memory, left it in."""
    wait = one.wait_s or numbers.wait_s
    return replace(
        one,
        state=state,
        cause=one.cause or "transient",
        reason=one.reason or "set by hand",
        since_ms=one.since_ms or report.now_ms,
        probe_ms=report.now_ms + int(wait * 1000),
        wait_s=wait,
        rate=bounded(numbers.first_rate, numbers) if state == "limited" else None,
    )


def _narrowed(breakers: Mapping[str, Breaker], report: Report) -> dict[str, Breaker]:
    """Give the breaker of all, when it stood for the only dataset and another has come, to that dataset."""
    of_all = breakers.get(ALL, _CLOSED)
    if of_all.state == "closed" or not of_all.dataset or of_all.dataset == report.only:
        return dict(breakers)
    return {**breakers, ALL: _CLOSED, of_all.dataset: replace(of_all, dataset="")}


class _Turn:
    """One round over all breakers."""

    def __init__(self, report: Report, numbers: Numbers, memory: Memory, breakers: dict[str, Breaker]) -> None:
        self.report = report
        self.numbers = numbers
        self.memory = memory
        self.breakers = breakers
        gap = (report.now_ms - memory.at_ms) / 1000
        self.seconds = max(0.1, gap) if 0 <= gap < LONGEST_GAP_S else 1.0
        self.rows = self.by_key()
        self.fresh = {key: bucket(report.now_ms, rows) for key, rows in self.rows.items()}

    def run(self) -> dict[str, Breaker]:
        """Put the outcomes to each breaker; gives all of them."""
        alone = self.take_in()
        after = {}
        for key in sorted({*self.breakers, *self.rows, *("@" + worker for worker in alone)}):
            one = self.breakers.get(key, _CLOSED)
            quiet = one.state == "closed" and key not in self.rows and key[1:] not in alone
            after[key] = self.fading(one) if quiet else self.step(key, alone)
        return self.few(after)

    def fading(self, one: Breaker) -> Breaker:
        """Give a closed breaker of which nothing was heard: what is too old to be judged is forgotten."""
        oldest = self.report.now_ms - self.numbers.window_s * 1000
        return replace(one, window=()) if one.window and one.window[-1].at_ms < oldest else one

    def take_in(self) -> dict[str, str]:
        """Share the rows out to the breakers' windows; gives the workers that fail alone, and why."""
        alone: dict[str, str] = {}
        for key, fresh in self.fresh.items():
            self.breakers[key] = self.absorb(self.breakers.get(key, _CLOSED), fresh)
            if key[:1] != "@" and not fresh.all_accepted:
                network_only = key == ALL and self.report.only is None
                newest = self.breakers[key].window
                alone |= failing_alone(workers_of(newest, network_only=network_only), self.numbers)
        alone = {worker: why for worker, why in alone.items() if worker in self.report.workers}
        if alone:
            for key, one in self.breakers.items():
                self.breakers[key] = replace(one, window=tuple(each.without(alone) for each in one.window))
        return alone

    def by_key(self) -> dict[str, list[Row]]:
        """Group rows by the breakers that they concern."""
        rows: dict[str, list[Row]] = {}
        for row in self.report.rows:
            worker = f"@{row.worker}"
            stopped = worker in self.breakers
            keys = [worker] if stopped else []
            if not stopped or row.outcome == "accepted":  # what a stopped worker fails at tells of itself alone
                keys.append(ALL)
                if row.reason not in NETWORK and (row.scope != self.report.only or row.scope in self.breakers):
                    keys.append(row.scope)
            for key in keys:
                rows.setdefault(key, []).append(row)
        return rows

    @property
    def most_kept(self) -> int:
        """Attempts that a window needs to hold: enough of each worker to tell who fails alone."""
        return max(self.numbers.share_least, self.numbers.alone_least * 2 * len(self.report.workers))

    def absorb(self, one: Breaker, fresh: Bucket) -> Breaker:
        """Take outcomes into a breaker's memory; without failures it needs none."""
        if one.state in ("open", "half_open"):
            return one
        misconfigured = [event for event in fresh.events if event[2] == "misconfigured"]
        refused = () if fresh.number("accepted") else some_of([*one.refused, *misconfigured])
        window = stretch((*one.window, fresh), self.report.now_ms, self.most_kept, self.numbers, self.numbers.recent_s)
        if all(each.all_accepted for each in window):
            window = ()
        return replace(one, refused=refused, window=compact(window, self.numbers.most_buckets))

    def step(self, key: str, alone: Mapping[str, str]) -> Breaker:
        """Give one breaker after this round."""
        if key[:1] == "@" and key[1:] not in self.report.workers:
            return _CLOSED  # gone
        one = self.breakers.get(key, _CLOSED)
        fresh = self.fresh.get(key) or Bucket(self.report.now_ms)
        stands_for = self.report.only if key == ALL else None
        of_all = key == ALL and stands_for is None
        run = self.report.runs.get(stands_for or key, 0)
        if key[:1] == "@":
            why = alone.get(key[1:])
            found = Trouble("alone", why) if why else None
        else:
            found = trouble(one, fresh, run, self.numbers, of_all=of_all)
        seen = Round(
            now_ms=self.report.now_ms,
            seconds=self.seconds,
            fresh=fresh,
            trouble=found,
            hint_s=max(self.report.hints.values(), default=0.0) if key == ALL else self.report.hints.get(key, 0.0),
            good=self.memory.good,
            idle=self.report.paused or (key != ALL and self.breakers.get(ALL, _CLOSED).state in ("open", "half_open")),
            other_answers=of_all,
        )
        stepped = step(one, seen, self.numbers)
        if key[:1] == "@" and stepped.state == "limited":
            return _CLOSED
        newly = one.state == "closed" != stepped.state and stepped.cause != "network"
        return replace(stepped, dataset=stands_for or "") if newly else stepped

    def few(self, after: dict[str, Breaker]) -> dict[str, Breaker]:
        """Leave a dataset's breaker closed when too many are open already."""
        scopes = [key for key, one in after.items() if key and key[0] != "@" and one.state != "closed"]
        new = [key for key in scopes if self.breakers.get(key, _CLOSED).state == "closed"]
        too_many = max(0, len(scopes) - self.numbers.most_breakers)
        return after | {key: self.breakers.get(key, _CLOSED) for key in new[len(new) - too_many :]}

    def good(self) -> float:
        """Follow the rate that is accepted while nothing limits it."""
        if self.breakers.get(ALL, _CLOSED).state != "closed":
            return self.memory.good
        fresh = self.fresh.get(ALL)
        accepted = fresh.number("accepted") / self.seconds if fresh else 0.0
        kept: float = (1 - FORGET) ** self.seconds
        return max(accepted, self.memory.good * kept)


def _bounded(breakers: dict[str, Breaker], numbers: Numbers) -> dict[str, Breaker]:
    """Remember all that are not closed, and of the others the newest."""
    if len(breakers) <= numbers.most_watched:
        return breakers

    def worth(item: tuple[str, Breaker]) -> tuple[bool, int]:
        return item[1].state != "closed", item[1].window[-1].at_ms if item[1].window else 0

    return dict(sorted(breakers.items(), key=worth)[-numbers.most_watched :])


def _changes(
    before: Mapping[str, Breaker], after: Mapping[str, Breaker], report: Report, numbers: Numbers
) -> tuple[Change, ...]:
    """Give what the valve must be told."""
    changes = []
    for key in sorted({ALL, *before, *after}):
        old, new = before.get(key, _CLOSED), after.get(key, _CLOSED)
        rate = round(bounded(new.rate, numbers), 3) if new.rate is not None else None
        if key == ALL and rate is None:
            rate = numbers.max_rate
        told = [(one.state, one.told, one.probe_ms, one.rate) for one in (old, new)]
        if told[0] == told[1] and (key != ALL or rate == report.rate):
            continue
        shut = [one.state in ("open", "half_open") for one in (old, new)]
        record = shut[0] != shut[1] or (old.state == "limited") != (new.state == "limited")
        why = new.told if new.state != "closed" else _why_closed(key, old, after, report)
        changes.append(Change(key, new, rate, record, why))
    return tuple(changes)


def _why_closed(key: str, old: Breaker, after: Mapping[str, Breaker], report: Report) -> str:
    """Say why a breaker is closed; of one that was closed before there is nothing to say."""
    if old.state == "closed":
        return ""
    if key[:1] == "@":
        return "it gets through again" if key[1:] in report.workers else "the worker is gone"
    if old.dataset and after.get(old.dataset, _CLOSED).state != "closed":
        return f"other datasets wait too, so only dataset {old.dataset} is stopped: {old.reason}"
    return f"events get through again, after {old.reason}"
