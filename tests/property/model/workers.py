"""What workers do, until they die."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from leadrelay.queue import Settlement

from tests.property.model.state import BREAKERS, REJECTED_RUN, SCOPES, WORKERS, Model


class Workers(Model):
    """Rules of workers."""

    @rule(name=st.sampled_from(WORKERS), limit=st.integers(0, 6), lost=st.booleans())
    def claim(self, name, limit, lost):
        worker = self.workers[name]
        args = (name, self.request(), limit, 10**6, len(worker.held))
        claim = self.queue.claim(*args)
        if lost:
            again = self.queue.claim(*args)
            assert [m.token for m in again.messages] == [m.token for m in claim.messages]
        self.allowed(name, claim)
        for claimed in claim.messages:
            assert claimed.token not in worker.held
            worker.held[claimed.token] = claimed.message.seq
            self.order.claimed(claimed.message)
            if claimed.message.suspect:
                assert claim.alone
                assert len(worker.held) == 1

    def allowed(self, name, claim):
        """The valve holds: nothing while it is shut, one probe while half-open, nothing of an open dataset."""
        states = [self.breakers.get(key, "closed") for key in ("", f"@{name}")]
        if self.paused or "open" in states:
            assert claim.messages == ()
        if "half_open" in states:
            assert len(claim.messages) <= 1
        if self.paused or set(states) & {"open", "half_open"}:
            assert "*" in claim.blocked
        for scope in SCOPES:
            of_scope = [one for one in claim.messages if one.message.scope == scope]
            assert len(of_scope) <= {"open": 0, "half_open": 1}.get(self.breakers.get(scope), 99)
            assert (scope in claim.blocked) == (self.breakers.get(scope) in ("open", "half_open"))

    @precondition(lambda self: any(worker.held for worker in self.workers.values()))
    @rule(data=st.data(), lost=st.booleans())
    def settle(self, data, lost):
        name = data.draw(st.sampled_from([name for name, worker in self.workers.items() if worker.held]))
        worker = self.workers[name]
        tokens = data.draw(st.lists(st.sampled_from(sorted(worker.held)), min_size=1, unique=True))
        settlements = [
            Settlement(token, *data.draw(st.sampled_from(self.kinds(worker.held[token])))) for token in tokens
        ]
        request, delivered = self.request(), len(self.delivered)
        settled = self.queue.settle(name, request, settlements)
        assert (settled.moved, settled.late) == (len(tokens), 0)
        if lost:
            assert self.queue.settle(name, request, settlements) == settled
        for settlement in settlements:
            seq = worker.held.pop(settlement.token)
            if settlement.kind == "delivered":
                self.delivered.append(seq)
            elif settlement.kind == "dropped":
                self.dropped.add(seq)
            self.rejected_or_not(name, seq, settlement, settled)
            self.order.settled(name, seq, settlement, delivered)

    @rule()
    def everything_is_rejected(self):
        for name, worker in self.workers.items():
            rejected = [Settlement(token, "dead", "rejected", "1:1:rejected:400:3") for token in sorted(worker.held)]
            for settlement in rejected:
                settled = self.queue.settle(name, self.request(), [settlement])
                seq = worker.held.pop(settlement.token)
                self.rejected_or_not(name, seq, settlement, settled)
                self.order.settled(name, seq, settlement, len(self.delivered))

    def rejected_or_not(self, name, seq, settlement, settled):
        """So many rejected in a row are buried, by dataset, by worker and by all; others wait: the reply says so."""
        keys = {self.scope[seq]: 1, f"@{name}": 1, "": 3}
        if settlement.kind == "delivered":
            self.runs = {key: run for key, run in self.runs.items() if key not in keys}
        if settlement.kind != "dead":
            return
        lifted = min(self.runs.get(self.scope[seq], 0), self.runs.get("", 0)) < 0
        bury = lifted or all(self.runs.get(key, 0) < REJECTED_RUN * times for key, times in keys.items())
        if bury and not lifted:
            self.runs |= {key: self.runs.get(key, 0) + 1 for key in keys}
        assert (seq in self.dead_seqs()) == bury == (settlement.token not in settled.not_dead)

    @rule(name=st.sampled_from(WORKERS), data=st.data())
    def work(self, name, data):
        """Nothing stops a worker from settling what it gets, nor an operator from acting: chance rarely goes so far."""
        for key in BREAKERS:
            self.breaker(key, "closed")
        self.pause(paused=False)
        self.claim(name, 6, lost=False)
        if self.workers[name].held:
            self.settle(data, lost=False)
        if self.dead_seqs():
            what = data.draw(st.sampled_from(["replay", "drop", "edit", "prune"]))
            if what == "replay":
                self.replay_some(data, allow_stale=False)
            else:
                self.operate_on_the_dead(data, what)

    def kinds(self, seq):
        """How an event can be settled."""
        del seq
        return [
            ("delivered", "", "1:1:accepted:200:3"),
            ("scheduled", "0", "1:1:transient:503:3"),
            ("scheduled", "3600000", "1:1:transient:503:3"),
            ("scheduled", "0", "1:1:transient?:timeout:3"),
            ("scheduled", "0", "1:1:throttled:429:3"),
            ("dead", "rejected", "1:1:rejected:400:3"),
            ("ready",),
            ("suspect",),
            ("dropped", "revoked"),
        ]

    @rule(name=st.sampled_from(WORKERS))
    def crash_and_rescue(self, name):
        worker = self.workers[name]
        self.zombies += [(name, token) for token in worker.held]
        held, worker.held = list(worker.held.values()), {}
        self.queue.rescue()
        self.broker.client.zadd(self.queue.keys.name("leases"), {name: 1}, xx=True)
        self.queue.rescue()
        for seq in held:
            self.order.doubt(seq)
            self.order.end(seq)

    @precondition(lambda self: any(worker.held for worker in self.workers.values()))
    @rule(data=st.data())
    def heartbeat(self, data):
        """What a live worker does not know of (the broker forgot its settlement) goes back, in order."""
        name = data.draw(st.sampled_from([name for name, worker in self.workers.items() if worker.held]))
        worker = self.workers[name]
        kept = set(data.draw(st.lists(st.sampled_from(sorted(worker.held)), unique=True)))
        assert self.queue.heartbeat(name, None)
        assert self.queue.heartbeat(name, kept)
        self.zombies += [(name, token) for token in worker.held if token not in kept]
        worker.held = {token: seq for token, seq in worker.held.items() if token in kept}

    @precondition(lambda self: self.zombies)
    @rule(data=st.data())
    def zombie_settles(self, data):
        name, token = data.draw(st.sampled_from(self.zombies))
        before = self.everything()
        settled = self.queue.settle(name, self.request(), [Settlement(token, "dead", "rejected")])
        assert (settled.moved, settled.late, settled.not_dead) == (0, 1, (token,))
        assert self.everything() == before
        self.late += 1

    @rule()
    def time_passes(self):
        """Make everything scheduled due."""
        key = self.queue.keys.name("scheduled")
        for member in self.broker.client.zrange(key, 0, -1):
            self.broker.client.zadd(key, {member: 1}, xx=True)
        self.queue.due()
