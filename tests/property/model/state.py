"""What the model knows, and what it reads of the server."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, run_state_machine_as_test
from leadrelay.queue import DeadLetters, Queue, Valve, control, core
from leadrelay.queue.verify import waiting

from tests.chaos.processes import Broker
from tests.property.model.order import LANE_ATTEMPTS, Order

SCOPES = ["11111111", "22222222"]
#: Lanes of each dataset: a lane's key holds the dataset, so no lane is in two scopes.
LANES = {
    SCOPES[0]: ["", "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"],
    SCOPES[1]: ["", "cccccccccccccccc"],
}
WORKERS = ["w1", "w2", "w3"]
BREAKERS = ["", *SCOPES, "@w1", "@w2"]
STATES = ["open", "half_open", "limited", "closed", "closed", "closed"]
#: Instead of 20, so that short runs come to it.
REJECTED_RUN = 3


@dataclass
class Worker:
    """A worker as the model sees it: what it was handed, by token."""

    held: dict[str, int] = field(default_factory=dict)


class Model(RuleBasedStateMachine):
    """The model keeps one state per event; parts of the machine inherit it."""

    broker: Broker

    def __init__(self):
        super().__init__()
        self.broker.client.config_set("maxmemory", 0)
        self.broker.client.flushall()
        self.queue = Queue(self.broker.client, lane_patience_s=-0.001)
        self.dead = DeadLetters(self.queue)
        self.valve = Valve(self.queue)
        self.next = 0
        self.requests = 0
        self.eids: dict[str, int] = {}
        self.lane: dict[int, str] = {}
        self.scope: dict[int, str] = {}
        self.breakers: dict[str, str] = {}
        self.paused = False
        self.runs: dict[str, int] = {}
        self.watches: list[control.Watch] = []
        self.bulk: set[int] = set()
        self.disturbed: set[str] = set()
        self.delivered: list[int] = []
        self.dropped: set[int] = set()
        self.flagged: set[int] = set()
        self.workers = {name: Worker() for name in WORKERS}
        self.zombies: list[tuple[str, str]] = []
        self.late = 0
        self.order = Order(self)

    @initialize()
    def open(self):
        self.queue.due()

    def request(self):
        self.requests += 1
        return f"r{self.requests}"

    def head_of(self, lane):
        return int((self.broker.client.hget(self.queue.keys.name("lanes"), lane) or b"0").split()[0])

    def eid_of(self, seq):
        return next(eid for eid, number in self.eids.items() if number == seq)

    def later_delivered(self, seq):
        return [other for other in self.delivered if other > seq and self.lane[other] == self.lane[seq]]

    def surely_stale(self, seq, head):
        """Imports aside, whose order beside tracked events is not kept: one may have gone out before the other died."""
        lane = self.lane[seq]
        later = lane and seq not in self.bulk and set(self.later_delivered(seq)) - self.bulk - self.flagged
        return bool(head > seq or seq in self.flagged or (lane not in self.disturbed and later))

    def maybe_stale(self, seq):
        doubted = [other for other in self.order.doubted if other > seq and self.lane[other] == self.lane[seq]]
        return bool(self.lane[seq] in self.disturbed or self.later_delivered(seq) or doubted)

    def raws(self, state):
        client, name = self.broker.client, self.queue.keys.name
        if state == "ready":
            return [
                raw for key in ("ready", "returning", "bulk", "suspects") for raw in client.lrange(name(key), 0, -1)
            ]
        if state == "scheduled":
            return client.zrange(name("scheduled"), 0, -1)
        if state == "held":
            return [member.split(b"|", 2)[2] for member in client.zrange(name("held"), 0, -1)]
        return client.hvals(name("flight"))

    def everything(self):
        return {state: sorted(eids) for state, eids in waiting(self.queue).items()}

    def dead_seqs(self):
        return [letter.message.seq for letter in self.dead.select()]


def search(machine, examples, steps):
    """Run a machine on a server of its own; the long profile looks much longer, and elsewhere each time."""
    long = os.environ.get("HYPOTHESIS_PROFILE") == "long"
    with TemporaryDirectory(prefix="model-") as folder:
        machine.broker = Broker(Path(folder), fsync="always")
        usual = core.REJECTED_RUN, core.LANE_ATTEMPTS
        core.REJECTED_RUN, core.LANE_ATTEMPTS = REJECTED_RUN, LANE_ATTEMPTS
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=1000 if long else examples,
                    stateful_step_count=60 if long else steps,
                    deadline=None,
                    derandomize=not long,
                    suppress_health_check=list(HealthCheck),
                    phases=tuple(Phase) if long else (Phase.explicit, Phase.generate),
                ),
            )
        finally:
            core.REJECTED_RUN, core.LANE_ATTEMPTS = usual
            machine.broker.kill()
