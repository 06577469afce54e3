"""A queue, workers and an endpoint in virtual time: the policy steers them second by second, without clock or broker.

The valve does what `claim.lua` and `settle.lua` do: open hands out nothing, half-open one probe (fresh events first),
limited at its rate, so many rejections in a row are buried, and what fails while a breaker is shut is not charged.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from itertools import islice

from leadrelay_worker.delivery.outcome import Verdict
from leadrelay_worker.delivery.retry import decide as decide_retry
from leadrelay_worker.flow.breaker import TRANSITIONS
from leadrelay_worker.flow.evidence import Row
from leadrelay_worker.flow.numbers import Numbers
from leadrelay_worker.flow.policy import Memory, Report, decide

ACCEPTED = ("accepted", "http_200")
SHUT = ("open", "half_open")
FAILED = ("transient", "throttled", "misconfigured")


@dataclass
class Event:
    seq: int
    scope: str
    attempts: int = 0  # that are charged
    tried: int = 0
    state: str = "ready"


@dataclass
class Valve:
    state: str = "closed"
    rate: float | None = None
    bucket: float = 0.0

    def tokens(self, most):
        """What may be handed out in this second."""
        if self.rate is None:
            return most
        self.bucket = min(max(1.0, self.rate), self.bucket + self.rate)
        return min(most, int(self.bucket))


@dataclass
class World:
    """Args: `endpoint` gives (outcome, reason[, retry after]) for (world, event, worker)."""

    endpoint: object
    numbers: Numbers = field(default_factory=Numbers)
    workers: tuple[str, ...] = ("w1", "w2")
    capacity: int = 100  # attempts that a worker makes in a second
    now: float = 1_000_000.0

    def __post_init__(self):
        self.memory = Memory()
        self.valves = defaultdict(Valve)
        self.ready, self.returning, self.scheduled = deque(), deque(), []
        self.held = defaultdict(deque)
        self.events, self.runs, self.scopes = [], Counter(), set()
        self.sent, self.history, self.changes = [], [], []
        self.rows, self.hints = defaultdict(list), {}
        self.stopped_workers, self.probed = set(), set()

    # What arrives ------------------------------------------------------------------------------------------------

    def arrive(self, number=1, scope="a"):
        for _ in range(number):
            event = Event(len(self.events) + 1, scope)
            self.events.append(event)
            self.scopes.add(scope)
            self.ready.append(event)

    @property
    def only(self):
        return next(iter(self.scopes)) if len(self.scopes) == 1 else None

    @property
    def asleep(self):
        """Nothing but a wait for a probe is under way: rounds until then change nothing."""
        breakers = self.memory.breakers.values()
        return all(
            one.state == "closed" or (one.state == "open" and one.probe_ms > self.now * 1000) for one in breakers
        )

    # A second ----------------------------------------------------------------------------------------------------

    def second(self, arrivals=()):
        for scope in arrivals:
            self.arrive(1, scope)
        while self.scheduled and self.scheduled[0][0] <= self.now:
            event = heapq.heappop(self.scheduled)[2]
            event.state = "ready"
            self.returning.append(event)
        self.probed.clear()
        self.sent.append(self.hand_out())
        self.now += 1
        if self.rows or self.memory.at_ms == 0 or not self.asleep:
            self.steer()

    def run(self, seconds, arrivals=lambda _: ()):
        for number in range(seconds):
            self.second(arrivals(number))
        return self

    def hand_out(self):
        of_all = self.valves[""]
        if of_all.state == "open":
            return 0
        sent = 0
        budget = of_all.tokens(self.capacity * len(self.workers))
        left = {}
        for worker in self.workers:
            mine = self.valves[f"@{worker}"].state
            left[worker] = 0 if mine == "open" else 1 if mine == "half_open" else self.capacity
        if of_all.state == "half_open":
            budget = min(budget, 1)
        while sent < budget and any(left.values()):
            worker = min((one for one in left if left[one]), key=lambda one: (left[one] > 1, -left[one]))
            left[worker] -= 1
            event = self.take(probe="half_open" in (of_all.state, self.valves[f"@{worker}"].state))
            if event is None:
                break
            self.attempt(event, worker)
            sent += 1
        if of_all.rate is not None:
            of_all.bucket -= sent
        return sent

    def take(self, *, probe):
        for scope, queue in self.held.items():
            if queue and self.valves[scope].state == "half_open" and scope not in self.probed:
                self.probed.add(scope)
                event = min(islice(queue, 50), key=lambda event: event.tried)
                queue.remove(event)
                return event
        for scope, queue in list(self.held.items()):
            valve = self.valves[scope]
            if not queue and valve.state == "closed":
                del self.held[scope]
            if queue and valve.state not in SHUT and valve.tokens(1):
                valve.bucket -= valve.rate is not None
                self.held[scope] = self.held.pop(scope)  # the next time it is another one's turn
                return queue.popleft()
        lists = (self.ready, self.returning) if probe else (self.returning, self.ready)
        for queue in lists:
            while queue:
                event = queue.popleft()
                valve = self.valves[event.scope]
                if valve.state == "closed" and event.scope not in self.held:
                    return event
                self.held[event.scope].append(event)
        return None

    def attempt(self, event, worker):
        event.tried += 1
        outcome, reason, *hint = self.endpoint(self, event, worker)
        self.rows[event.scope, worker, outcome, reason].append(event.seq)
        if outcome == "throttled" and hint:
            self.hints[event.scope] = min(hint[0], self.hints.get(event.scope, 1e9))
        decision = decide_retry(Verdict(outcome, reason), event.attempts + 1, 0, 0.5, *(hint or ()))
        shut = any(self.valves[key].state in SHUT for key in ("", event.scope, f"@{worker}"))
        event.attempts += not (shut and outcome in FAILED)
        keys = (event.scope, "")
        if outcome == "accepted":
            for key in keys:
                self.runs.pop(key, None)
        if decision.kind == "dead" and decision.argument == "rejected":
            most = self.numbers.rejected_run
            if self.runs[event.scope] < most and self.runs[""] < most * 3:
                self.runs.update(keys)
                event.state = "dead"
                return
            decision = decide_retry(Verdict("transient", reason), event.attempts, 0, 0.5)
        event.state = decision.kind
        if decision.kind == "scheduled":
            heapq.heappush(self.scheduled, (self.now + int(decision.argument) / 1000, event.seq, event))

    # The controller --------------------------------------------------------------------------------------------------

    def steer(self):
        report = Report(
            now_ms=int(self.now * 1000),
            rows=tuple(
                Row(*key, len(seqs), () if key[2] == "accepted" else tuple(seqs[:8])) for key, seqs in self.rows.items()
            ),
            runs=dict(self.runs),
            hints=dict(self.hints),
            workers=frozenset(self.workers) - self.stopped_workers,
            only=self.only,
            states={key: valve.state for key, valve in self.valves.items() if valve.state != "closed"},
            rate=self.valves[""].rate,
        )
        self.rows.clear()
        self.hints.clear()
        self.memory, changes = decide(self.memory, report, self.numbers)
        handed_on = any(not change.key and change.breaker.state == "closed" for change in changes)
        for change in changes:
            valve = self.valves[change.key]
            self.changes.append((self.now, change.key, valve.state, change.breaker.state, change.told))
            assert change.told or not change.record, "the audit says why"
            if not handed_on and change.key[1:] not in self.stopped_workers:
                self.check(change.key, valve.state, change.breaker.state)
            valve.state, valve.rate = change.breaker.state, change.rate
            valve.bucket = min(valve.bucket, valve.rate or 0)

    @staticmethod
    def check(key, before, after):
        """Every move is one of the table; a worker needs no slow start."""
        moves = {(a, b) for (a, _), b in TRANSITIONS.items()} | ({("half_open", "closed")} if key[:1] == "@" else set())
        assert before == after or (before, after) in moves, f"{key}: {before} to {after} is not in the table"

    # What became of it ---------------------------------------------------------------------------------------------

    def count(self, state):
        return sum(event.state == state for event in self.events)

    def states(self, key=""):
        return self.valves[key].state

    def opened(self, key=None):
        return [change for change in self.changes if change[3] == "open" and key in (None, change[1])]

    def most_attempts(self):
        """Give how often one event was charged at most."""
        return max(event.attempts for event in self.events)

    def most_tries(self):
        """Give how often one event was sent at most, probes among them."""
        return max(event.tried for event in self.events)
