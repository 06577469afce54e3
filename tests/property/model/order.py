"""The order of lanes as the model expects it: whose patience is over, what is stale, what may have been sent when."""

from __future__ import annotations

from collections import Counter

#: Instead of 5, so that short runs come to it; a lane's patience is over as soon as it is reached.
LANE_ATTEMPTS = 2
FAILED = ("transient", "throttled", "misconfigured")
ITS_OWN = ("transient", "misconfigured")


class Order:
    """What the model knows of attempts and lanes.

    Args:
        model: Whose events.
    """

    def __init__(self, model):
        self.model = model
        self.attempts = Counter()
        self.failing = {}  # seq of a head -> delivered when it first failed by itself
        self.gave_way = {}  # seq -> delivered when it gave way
        self.doubted = set()  # may be at the endpoint although nothing says so
        self.sent = []  # (lane, seq) by the first time that it may have arrived, stale ones left out
        self.seen = set()
        self.stale_delivered = 0

    def shut(self, worker, seq):
        keys = ("", self.model.scope[seq], f"@{worker}")
        return any(self.model.breakers.get(key) in ("open", "half_open") for key in keys)

    def claimed(self, message):
        """What is handed out is flagged when, and only when, something newer of its lane went out before."""
        seq, flagged = message.seq, self.model.flagged
        assert message.attempts == self.attempts[seq], "an attempt under a shut breaker is not charged, others are"
        if message.stale and seq not in flagged:
            assert self.model.maybe_stale(seq)
            del self.gave_way[seq]
            flagged.add(seq)
        assert message.stale == (seq in flagged)
        assert message.gave_way == (seq in self.gave_way)
        if message.gave_way:
            later = self.model.delivered[self.gave_way[seq] :]
            assert not [other for other in later if other > seq and self.model.lane[other] == self.model.lane[seq]]

    def settled(self, worker, seq, settlement, delivered):
        """Follow a settlement; `delivered` counts those of earlier calls."""
        outcome = settlement.attempt.split(":")[2] if settlement.attempt else ""
        doubtful, outcome = outcome.endswith("?"), outcome.removesuffix("?")
        shut = self.shut(worker, seq)
        self.attempts[seq] += bool(outcome) and not (outcome in FAILED and shut)
        if doubtful or settlement.kind == "suspect":
            self.doubt(seq)
        if settlement.kind == "delivered":
            self.send(seq)
            self.stale_delivered += seq in self.model.flagged
        elif settlement.kind == "scheduled" and outcome in ITS_OWN and not shut:
            self.fail(seq, delivered)
        if settlement.kind in ("delivered", "dropped", "dead", "suspect"):
            self.end(seq)

    def fail(self, seq, delivered):
        if self.model.lane[seq] and seq not in self.gave_way and seq not in self.model.flagged:
            before = self.failing.setdefault(seq, delivered)
            if self.attempts[seq] >= LANE_ATTEMPTS and delivered > before:
                self.gave_way[seq] = len(self.model.delivered)

    def doubt(self, seq):
        self.doubted.add(seq)
        self.send(seq)

    def send(self, seq):
        if seq not in self.seen and seq not in self.model.flagged:
            self.sent.append((self.model.lane[seq], seq))
        self.seen.add(seq)

    def end(self, seq):
        """A rejected event may wait instead of dying, and a suspect is not dead at once."""
        waits = {eid for state, eids in self.model.everything().items() if state != "dead" for eid in eids}
        if self.model.eid_of(seq) not in waits:
            self.failing.pop(seq, None)
            self.gave_way.pop(seq, None)

    def replayed(self, seqs):
        for seq in seqs:
            self.attempts[seq] = 0
