"""The queue's model again, with nothing but events that die and come back: the general one seldom gets so deep."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.property.model.state import SCOPES, search
from tests.property.test_queue_model import QueueMachine


class DeadLetterMachine(QueueMachine):
    """Events of few lanes, many of which die; no outage, no pause, no crash.

    A machine tries subsets of its rules, so one rule does all that comes before a death.
    """

    breaker = pause = purge = full_memory = restart_broker = script_error = enqueue_again = zombie_settles = None
    newer_messages_are_met = crash_and_rescue = enqueue = claim = settle = time_passes = enqueue_a_batch_twice = None
    force = everything_closes = decide = everything_is_rejected = work = None

    @initialize(data=st.data())
    def begin(self, data):
        self.live(data, 1)

    @rule(data=st.data(), rounds=st.integers(1, 6))
    def live(self, data, rounds):
        """Let events come in and lanes move on."""
        scope = data.draw(st.sampled_from(SCOPES))
        QueueMachine.enqueue(self, data, scope, bulk=False)
        for _ in range(rounds):
            QueueMachine.claim(self, "w1", data.draw(st.integers(1, 5)), lost=False)
            if self.workers["w1"].held:
                QueueMachine.settle(self, data, lost=False)
            if data.draw(st.booleans()):
                QueueMachine.time_passes(self)

    def kinds(self, seq):
        del seq
        return [
            *[("delivered", "", "1:1:accepted:200:3")] * 3,
            *[("dead", "rejected", "1:1:rejected:400:3")] * 3,
            ("scheduled", "0", "1:1:transient:503:3"),
            ("ready",),
        ]


def test_dead_letters_follow_the_model():
    search(DeadLetterMachine, examples=60, steps=20)
