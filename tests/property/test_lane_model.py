"""The queue's model again, with few lanes whose heads fail, workers that die, and operators that replay."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.property.model.state import SCOPES, WORKERS, search
from tests.property.test_queue_model import QueueMachine


class LaneMachine(QueueMachine):
    """Two lanes, three workers; heads that fail until they give way, in good times and in bad."""

    enqueue = enqueue_again = enqueue_a_batch_twice = purge = full_memory = restart_broker = script_error = None
    everything_closes = decide = force = pause = everything_is_rejected = replay_run = work = None
    claim = settle = None
    stubborn = None

    @initialize(data=st.data())
    def begin(self, data):
        self.live(data, "w1", 1)

    @rule(data=st.data(), name=st.sampled_from(WORKERS), rounds=st.integers(1, 6))
    def live(self, data, name, rounds):
        """Let events come in and a worker go on, until it stops in the middle."""
        lanes = data.draw(st.lists(st.sampled_from(["a" * 16, "b" * 16, ""]), min_size=1, max_size=6))
        self.track(lanes, SCOPES[0], bulk=False)
        for _ in range(rounds):
            QueueMachine.claim(self, name, data.draw(st.integers(1, 4)), lost=False)
            if self.workers[name].held:
                QueueMachine.settle(self, data, lost=False)
            if data.draw(st.booleans()):
                QueueMachine.time_passes(self)

    @rule(data=st.data(), name=st.sampled_from(WORKERS), lane=st.sampled_from(["a" * 16, "b" * 16]))
    def a_head_fails(self, data, name, lane):
        """Nothing of one lane gets through while the others do."""
        self.stubborn = lane
        self.live(data, name, 4)
        self.stubborn = None

    @rule(data=st.data(), key=st.sampled_from(["", SCOPES[0], "@w1"]), state=st.sampled_from(["half_open", "closed"]))
    def trouble(self, data, key, state):
        """Let a probe go out, or end the trouble."""
        self.breaker(key, state)
        if any(worker.held for worker in self.workers.values()):
            QueueMachine.settle(self, data, lost=False)
        self.breaker(key, "closed")

    def all_claim(self):
        for name in WORKERS:
            QueueMachine.claim(self, name, 3, lost=False)

    def kinds(self, seq):
        if self.stubborn:
            failed = [("scheduled", "0", f"1:1:{how}:3") for how in ("transient:503", "transient?:timeout")]
            return failed if self.lane[seq] == self.stubborn else [("delivered", "", "1:1:accepted:200:3")]
        return [
            *[("delivered", "", "1:1:accepted:200:3")] * 3,
            *[("scheduled", "0", "1:1:transient:503:3")] * 3,
            ("scheduled", "0", "1:1:misconfigured:403:3"),
            *[("scheduled", "0", "1:1:transient?:timeout:3")] * 2,
            *[("dead", "rejected", "1:1:rejected:400:3")] * 2,
            ("ready",),
        ]


def test_lanes_follow_the_model():
    search(LaneMachine, examples=60, steps=20)
